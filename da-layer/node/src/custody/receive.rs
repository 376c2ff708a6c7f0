//! A member takes its share of a block: verifies all of it, stores it, attests.
//!
//! Nothing is attested that does not survive a crash, and nothing is stored
//! that does not check. Rows that came before something that did not check may
//! stay: each by itself is right.

use std::sync::Arc;

use weft_da::custody::{Attestation, Members};
use weft_da::row::DigestsFault;
use weft_da::{BlobIndex, RowFault, RowProof, SignedHeader, VerifiedDigests};
use weft_primitives::Address;

use super::Custody;
use super::headers::HeaderRefused;
use crate::store::StoreError;

/// Bytes of rows that are verified and written at a time.
const PART_BYTES: usize = 1 << 20;

/// Why a share is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ShareRefused {
    /// The header is not taken.
    #[error("{0}")]
    Header(#[from] HeaderRefused),
    /// The digests are not those of the header.
    #[error("{0}")]
    Digests(#[from] DigestsFault),
    /// The blob index is not that of the header.
    #[error("{0}")]
    Index(#[from] weft_da::blob::IndexFault),
    /// A row does not check.
    #[error("row {index}: {fault}")]
    Row {
        /// Which.
        index: u32,
        /// What is wrong.
        fault: RowFault,
    },
    /// This node is none of the members.
    #[error("{0} is not a member of the custody that the share is for")]
    NotAMember(Address),
    /// Not the rows of this node's share, in order.
    #[error("row {found:?} came where row {expected:?} of the share is due")]
    OtherRow {
        /// The next of the share; `None` at its end.
        expected: Option<u32>,
        /// What came; `None` for the end.
        found: Option<u32>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What comes before the rows.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) header: SignedHeader,
    pub(super) digests: bytes::Bytes,
    pub(super) index: bytes::Bytes,
    pub(super) members: Members,
}

/// A share on its way in.
pub(super) struct Receiving {
    custody: Arc<Custody>,
    frame: Frame,
    index: BlobIndex,
    digests: VerifiedDigests,
    /// Rows of the share that are still to come.
    due: std::vec::IntoIter<u32>,
    part: Vec<RowProof>,
    part_bytes: usize,
}

impl Receiving {
    /// Checks everything but the rows. Blocking.
    pub(super) fn begin(custody: Arc<Custody>, frame: Frame) -> Result<Self, ShareRefused> {
        let own = custody.signer.address();
        let place = frame.members.position(&own).ok_or(ShareRefused::NotAMember(own))?;
        custody.chain.take(&frame.header)?;
        let header = &frame.header.header;
        let digests = VerifiedDigests::verify(header, &frame.digests)?;
        let index = BlobIndex::verify(header, &frame.index)?;
        let due = frame.members.assign(&header.shape, header.row_root).rows_of(place).into_iter();
        Ok(Self { custody, frame, index, digests, due, part: Vec::new(), part_bytes: 0 })
    }

    /// Takes the next row; whether there is enough to [`Receiving::write`].
    pub(super) fn row(&mut self, proof: RowProof) -> Result<bool, ShareRefused> {
        let (expected, found) = (self.due.next(), Some(proof.index));
        if expected != found {
            return Err(ShareRefused::OtherRow { expected, found });
        }
        self.part_bytes += proof.row.len();
        self.part.push(proof);
        Ok(self.part_bytes >= PART_BYTES)
    }

    /// Verifies and writes the rows taken so far. Blocking.
    pub(super) fn write(&mut self) -> Result<(), ShareRefused> {
        for proof in &self.part {
            if let Err(fault) = self.digests.verify_row(proof) {
                if fault.is_wrong_encoding() {
                    metrics::counter!("weft_da_custody_wrong_encoding_total").increment(1);
                    let height = self.frame.header.header.height;
                    tracing::error!(height, row = proof.index, "the producer committed to a wrong encoding");
                }
                return Err(ShareRefused::Row { index: proof.index, fault });
            }
        }
        self.custody.store.put_rows(self.frame.header.header.height, &self.part)?;
        metrics::counter!("weft_da_custody_rows_stored_total").increment(self.part.len() as u64);
        self.part.clear();
        self.part_bytes = 0;
        Ok(())
    }

    /// All rows have come: makes them durable and attests. Blocking.
    pub(super) fn end(mut self) -> Result<Attestation, ShareRefused> {
        if let Some(expected) = self.due.next() {
            return Err(ShareRefused::OtherRow { expected: Some(expected), found: None });
        }
        self.write()?;
        let Frame { header, digests, members, .. } = &self.frame;
        self.custody.store.put_frame(header.header.height, digests, &self.index)?;
        metrics::counter!("weft_da_custody_attestations_total").increment(1);
        Ok(Attestation::sign(&header.header, members, &self.custody.signer))
    }
}
