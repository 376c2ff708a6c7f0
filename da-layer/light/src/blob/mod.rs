//! Blobs for third parties: whether one is where somebody says it is, and its bytes, without trusting any node.
//!
//! Everything starts at a signed header. The entry of the blob comes from a
//! proof against it; if no node gives one, from the block's index, which is the
//! first part of the payload and so as available as the data. Bytes come from
//! rows that verify ([`rows`]), and are compared with the blob's hash. A node
//! can refuse, but neither invent a blob nor hide one of a block whose rows are
//! to be had.
//!
//! Deliberately absent: the nodes' own `GetBlob`.

mod error;
mod get;
mod locate;
mod rows;
mod verify;

use alloy_primitives::B256;
use serde::{Serialize, Serializer};
use weft_da::{BlobProof, SignedHeader};
use weft_primitives::Namespace;
use weft_verdict::{Judgement, NotIncluded};

pub use error::BlobError;
pub(crate) use get::get;
pub(crate) use verify::verify;

/// Where the entry of a blob came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofSource {
    /// Whoever asks gave a proof.
    Given,
    /// This node gave one.
    Node(String),
    /// The index of the block, read from its rows.
    Index,
}

/// What this client holds of a blob.
#[derive(Clone, Debug)]
pub struct BlobVerdict {
    /// The header of the block, as this client knows it.
    pub header: SignedHeader,
    /// The proof that checks against it, or why the claim is not so.
    pub inclusion: Result<BlobProof, NotIncluded>,
    /// What it was checked by.
    pub proof_source: ProofSource,
    /// The judgement of the block.
    pub judgement: Judgement,
}

impl BlobVerdict {
    /// Whether the blob is there and its block may be relied on.
    pub const fn is_good(&self) -> bool {
        self.inclusion.is_ok() && self.judgement.verdict.is_available()
    }
}

/// A blob brought back from rows.
#[derive(Clone, Debug, Serialize)]
pub struct RestoredBlob {
    /// Its bytes; they have its hash.
    #[serde(skip)]
    pub bytes: Vec<u8>,
    /// Its namespace.
    #[serde(serialize_with = "as_text")]
    pub namespace: Namespace,
    /// BLAKE3 of its bytes.
    pub content_hash: B256,
    /// Height of its block.
    pub height: u64,
    /// Hash of that block's header.
    pub header_hash: B256,
    /// Position in the blob index.
    pub index: u32,
    /// Offset in the payload, bytes.
    pub offset: u64,
    /// Its length, bytes.
    pub length: u64,
    /// Where its entry came from.
    pub proof_source: ProofSource,
    /// Rows that its bytes lie in.
    pub rows: usize,
    /// Rows that came from nodes, for the blob and, if need be, the index.
    pub rows_downloaded: usize,
    /// Rows that had been kept from sampling.
    pub rows_kept: usize,
    /// Whether rows were missing, so that the block had to be decoded.
    pub rebuilt: bool,
    /// Digests, rows and paths received, good or not, in bytes.
    pub downloaded_bytes: u64,
    /// Time that it took, milliseconds.
    pub elapsed_ms: f64,
}

fn as_text<S: Serializer>(namespace: &Namespace, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(namespace)
}
