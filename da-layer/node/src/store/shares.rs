//! What a member of a custody keeps instead of whole blocks, and what a producer keeps beside them.

use weft_da::custody::Certificate;
use weft_da::{BlobIndex, RowProof, SignedHeader};
use weft_primitives::B256;

use super::{Store, StoreError};

/// Up to which height a node has its whole share, and among which members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complete {
    /// [`weft_da::custody::Members::hash`].
    pub members: B256,
    /// The height.
    pub height: u64,
}

/// Rows by themselves, and certificates. The caller has verified all of it.
pub trait ShareStore: Store {
    /// Appends a header without its data. Durable with the next [`ShareStore::put_frame`].
    fn append_header(&self, header: &SignedHeader) -> Result<(), StoreError>;
    /// Writes rows of a block. Durable with the next [`ShareStore::put_frame`]; without it they may be lost.
    fn put_rows(&self, height: u64, rows: &[RowProof]) -> Result<(), StoreError>;
    /// Writes what a block has beside its rows. When it returns, this and all that was written before survives a crash.
    fn put_frame(&self, height: u64, digests: &[u8], index: &BlobIndex) -> Result<(), StoreError>;
    /// Writes the original rows of a block again, in one piece. Durable when it returns.
    fn put_originals(&self, height: u64, originals: &[u8]) -> Result<(), StoreError>;
    /// One row of a block.
    fn row(&self, height: u64, index: u32) -> Result<Option<RowProof>, StoreError>;
    /// Rows of a block that are here, ascending.
    fn rows_held(&self, height: u64) -> Result<Vec<u32>, StoreError>;
    /// Writes the certificates of the blocks from `first` on, which is the next without one. Durable when it returns.
    fn put_certificates(&self, first: u64, certificates: &[Certificate]) -> Result<(), StoreError>;
    /// The certificate of a block.
    fn certificate(&self, height: u64) -> Result<Option<Certificate>, StoreError>;
    /// Up to here [`ShareStore::put_certificates`] has come; 0 for nowhere.
    fn certified(&self) -> Result<u64, StoreError>;
    /// Notes how far the node's share is complete.
    fn set_complete(&self, complete: Complete) -> Result<(), StoreError>;
    /// What was noted last.
    fn complete(&self) -> Result<Option<Complete>, StoreError>;
}
