//! Weft's DA core.

use std::time::Duration;

use weft_da::blob::BLOB_ENTRY_BYTES;
use weft_da::limits::MAX_PAYLOAD_BYTES;
use weft_da::{
    Blob, ChainPosition, EncodedBlock, Header, Packed, RowProof, Schedule, VerifiedDigests, VerifiedRow, blob_hash,
    rebuild,
};
use weft_primitives::{B256, Namespace};

use super::Peer;
use crate::timing::{Failure, timed};

/// Random bytes that make a payload of so many MiB, with the index entry of the one blob.
pub fn blob(mib: usize) -> Vec<u8> {
    let mut data = vec![0; (mib << 20) - BLOB_ENTRY_BYTES];
    blake3::Hasher::new().finalize_xof().fill(&mut data);
    data
}

pub struct Ours<'a> {
    blob: &'a [u8],
    /// A node has it from receiving the blob; no peer names blobs by their hash.
    hash: B256,
    made: Option<Made>,
}

struct Made {
    block: EncodedBlock,
    header: Header,
    digests: VerifiedDigests,
    /// The last quarter of the rows, verified; made when it is first needed.
    parity: Vec<VerifiedRow>,
    proofs: Vec<RowProof>,
}

impl<'a> Ours<'a> {
    pub fn new(blob: &'a [u8]) -> Self {
        Self { blob, hash: blob_hash(blob), made: None }
    }

    fn prepared(&mut self) -> Result<&Made, Failure> {
        let made = self.made.as_mut().ok_or("not published")?;
        if made.parity.is_empty() {
            let shape = made.header.shape;
            let last = (shape.rows() - shape.k()) as u32..shape.rows() as u32;
            made.proofs = last.map(|row| made.block.row(row).ok_or("no such row")).collect::<Result<_, _>>()?;
            made.parity = made.proofs.iter().map(|proof| made.digests.verify_row(proof)).collect::<Result<_, _>>()?;
        }
        Ok(made)
    }
}

impl Peer for Ours<'_> {
    const NAME: &'static str = "weft-da";
    const REBUILD_NOTE: &'static str = "";

    fn payload_len(&self) -> usize {
        self.blob.len()
    }

    fn publish(&mut self) -> Result<Duration, Failure> {
        self.made = None;
        let place = ChainPosition { network_id: 1, height: 1, prev_hash: B256::ZERO, time_ms: 0 };
        let (took, made) = timed(|| -> Result<_, Failure> {
            let packed =
                Packed::new(&[Blob::with_hash(Namespace::default(), self.hash, self.blob)], MAX_PAYLOAD_BYTES)?;
            let block = EncodedBlock::encode(packed, Schedule::Parallel);
            let header = block.header(place);
            Ok((block, header))
        });
        let (block, header) = made?;
        let digests = VerifiedDigests::verify(&header, block.rows().digest_bytes())?;
        self.made = Some(Made { block, header, digests, parity: vec![], proofs: vec![] });
        Ok(took)
    }

    fn rebuild(&mut self) -> Option<Result<Duration, Failure>> {
        let made = match self.prepared() {
            Ok(made) => made,
            Err(error) => return Some(Err(error)),
        };
        let (took, rebuilt) = timed(|| rebuild(&made.header, &made.parity, Schedule::Parallel));
        Some(match rebuilt {
            Ok(rebuilt) if rebuilt.payload() == made.block.rows().payload() => Ok(took),
            Ok(_) => Err("ours rebuilt another payload".into()),
            Err(error) => Err(error.into()),
        })
    }

    fn check(&mut self, samples: usize) -> Result<Duration, Failure> {
        let made = self.prepared()?;
        let (took, all) =
            timed(|| made.proofs.iter().take(samples).all(|proof| made.digests.verify_row(proof).is_ok()));
        if all && made.proofs.len() >= samples { Ok(took) } else { Err("ours refused its own row".into()) }
    }
}
