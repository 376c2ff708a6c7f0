//! One block of random bytes, and what is done with it.

use alloy_primitives::B256;
use weft_da::blob::BLOB_ENTRY_BYTES;
use weft_da::layout::PackError;
use weft_da::limits::MAX_PAYLOAD_BYTES;
use weft_da::row::RowProof;
use weft_da::{Blob, ChainPosition, EncodedBlock, EncodedRows, Header, Packed, Schedule, VerifiedDigests, VerifiedRow};
use weft_primitives::Namespace;

/// Place of the block in its chain.
const POSITION: ChainPosition = ChainPosition { network_id: 1, height: 1, prev_hash: B256::ZERO, time_ms: 0 };

/// Rows that are verified in a round.
const SAMPLES: usize = 1_024;

/// A block whose payload has a given length.
pub(super) struct Case {
    data: Vec<u8>,
    hash: B256,
    pub(super) block: EncodedBlock,
    pub(super) header: Header,
    pub(super) digests: VerifiedDigests,
}

impl Case {
    /// A payload of so many MiB: one blob of random bytes, and its entry.
    pub(super) fn new(mib: usize) -> Result<Self, PackError> {
        Self::of(mib << 20)
    }

    /// The same of so many bytes, more than an entry has.
    pub(super) fn of(payload: usize) -> Result<Self, PackError> {
        let mut data = vec![0; payload - BLOB_ENTRY_BYTES];
        blake3::Hasher::new().finalize_xof().fill(&mut data);
        let hash = weft_da::blob_hash(&data);
        let (block, header) = encode(&data, hash)?;
        let digests = VerifiedDigests::verify(&header, block.rows().digest_bytes()).expect("the block's own digests");
        Ok(Self { data, hash, block, header, digests })
    }

    /// Payload in MB.
    pub(super) fn mb(&self) -> f64 {
        self.header.shape.total_len() as f64 / 1e6
    }

    /// From a blob, hashed when it came in, to a block and its header.
    pub(super) fn publish(&self) -> Result<(EncodedBlock, Header), PackError> {
        encode(&self.data, self.hash)
    }

    /// All rows from some.
    pub(super) fn rebuild(&self, rows: &[VerifiedRow]) -> Option<EncodedRows> {
        weft_da::rebuild(&self.header, rows, Schedule::Parallel).ok()
    }

    /// A quarter of the rows, spread over all.
    pub(super) fn quarter(&self) -> Vec<VerifiedRow> {
        self.proofs(self.header.shape.k())
            .iter()
            .map(|proof| self.digests.verify_row(proof).expect("the block's own row"))
            .collect()
    }

    /// Rows with their paths, as a client asks for them.
    pub(super) fn samples(&self) -> Vec<RowProof> {
        self.proofs(SAMPLES)
    }

    fn proofs(&self, count: usize) -> Vec<RowProof> {
        let rows = self.header.shape.rows();
        // An odd step in a power of two of rows visits each once.
        let step = 2 * (rows as f64 * 0.309) as usize + 1;
        let at = |n: usize| (n * step % rows) as u32;
        (0..count.min(rows)).map(|n| self.block.row(at(n)).expect("within the rows")).collect()
    }
}

/// Packs and encodes one blob.
fn encode(data: &[u8], hash: B256) -> Result<(EncodedBlock, Header), PackError> {
    let blob = Blob::with_hash(Namespace::default(), hash, data);
    let block = EncodedBlock::encode(Packed::new(&[blob], MAX_PAYLOAD_BYTES)?, Schedule::Parallel);
    let header = block.header(POSITION);
    Ok((block, header))
}
