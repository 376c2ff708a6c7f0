//! What a light client asks of a DA node.
//!
//! A [`Source`] moves bytes and has no opinion: nothing that it returns is
//! checked, so it may be a stranger's. One implementation speaks gRPC
//! ([`WireSource`]); tests have others, honest and lying.

mod wire;

use alloy_primitives::{Address, B256};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use weft_da::row::RowProof;
use weft_da::{BlobProof, SignedHeader};
use weft_primitives::Namespace;

pub use wire::WireSource;

/// Most headers asked for at a time.
pub const MAX_HEADERS: u32 = 500;

/// What a node says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its DA network.
    pub network_id: u64,
    /// Who signs its headers.
    pub signer: Address,
    /// Newest height, if there is any.
    pub latest_height: Option<u64>,
}

/// A node's answer about one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowAnswer {
    /// The row and its path.
    Row(RowProof),
    /// It says that it does not have it.
    Missing(u32),
}

/// A node gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It does not have what was asked for.
    #[error("not found")]
    NotFound,
    /// No connection, or it broke.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// It answered with an error.
    #[error("refused: {0}")]
    Refused(String),
    /// The answer does not decode.
    #[error("answer does not decode: {0}")]
    Malformed(String),
    /// It did not answer in time.
    #[error("no answer in time")]
    TimedOut,
}

/// The result of asking a node.
pub type Answer<T> = Result<T, SourceError>;

/// A DA node, as a light client sees it.
pub trait Source: Send + Sync + 'static {
    /// Its address, for logs and reports.
    fn name(&self) -> &str;

    /// What it says of itself.
    fn info(&self) -> BoxFuture<'_, Answer<NodeInfo>>;

    /// The header of a height, or the newest.
    fn header(&self, height: Option<u64>) -> BoxFuture<'_, Answer<SignedHeader>>;

    /// Up to `limit` headers from a height on; none if there are none yet.
    fn headers(&self, from_height: u64, limit: u32) -> BoxFuture<'_, Answer<Vec<SignedHeader>>>;

    /// All headers from a height on, then each new one.
    fn subscribe(&self, from_height: u64) -> BoxFuture<'_, Answer<BoxStream<'static, Answer<SignedHeader>>>>;

    /// The digests of a block in one piece.
    fn digests(&self, height: u64) -> BoxFuture<'_, Answer<Vec<u8>>>;

    /// Where a blob is: the header of its block, and the proof of its entry in the blob index.
    fn blob_proof(&self, namespace: Namespace, hash: B256) -> BoxFuture<'_, Answer<(SignedHeader, BlobProof)>>;

    /// Rows of a block with their paths.
    fn rows(&self, height: u64, indices: Vec<u32>) -> BoxFuture<'_, Answer<BoxStream<'static, Answer<RowAnswer>>>>;
}
