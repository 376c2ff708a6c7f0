//! Blobs and the index that says where in the payload each one lies.
//!
//! The index is the first part of the payload itself, so whoever can get the
//! data can get the index, and it is committed to by its own root, so a blob,
//! the absence of a namespace and the completeness of a listing can be proved
//! without it. A blob *is* the bytes at its place: an entry whose hash does
//! not match those bytes is void, and everybody who has the bytes sees that.

mod entry;
mod index;
mod proof;
mod scan;

pub use entry::{BLOB_ENTRY_BYTES, BlobEntry, BlobFault};
pub use index::{BlobIndex, IndexFault};
pub use proof::{BlobProof, NamespaceProof, ProofFault, VerifiedBlob, VerifiedListing};
pub use scan::{NamespaceScan, ScanFault, ScannedHeight};
