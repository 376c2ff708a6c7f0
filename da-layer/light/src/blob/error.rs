//! Why a blob cannot be verified or restored.

use tonic::Code;
use weft_da::blob::{BlobFault, IndexFault};
use weft_verdict::restore::RestoreFault;
use weft_verdict::{NotIncluded, TrustError};
use weft_wire::status::Reason;

use crate::error::LightError;

/// Why a blob cannot be verified or restored. That it is not where it is claimed to be is a verdict when it is
/// verified, and an error when it is to be restored.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The client itself cannot go on.
    #[error(transparent)]
    Light(#[from] LightError),
    /// Too much is done at once.
    #[error("{limit} blobs (max_blob_calls) are being verified or restored; try again later")]
    Busy {
        /// The limit.
        limit: usize,
    },
    /// A proof came without the height that it is for.
    #[error("a proof needs the height, the offset and the length of the blob")]
    ProofWithoutPlace,
    /// No node knows it.
    #[error("no node proves where the blob is, and without a height its block cannot be searched; nodes: {nodes}")]
    NotFound {
        /// Each node and its newest fault.
        nodes: String,
    },
    /// No node shows that header.
    #[error("no node shows the header of DA block {height}; nodes: {nodes}")]
    NoHeader {
        /// Its height.
        height: u64,
        /// Each node and its newest fault.
        nodes: String,
    },
    /// The claim is not so.
    #[error("DA block {height}: {why}")]
    NotIncluded {
        /// Height of the block.
        height: u64,
        /// Why.
        why: NotIncluded,
    },
    /// The digests are not to be had, and without them no row can be judged.
    #[error("no node gives the right digests of DA block {height}; nodes: {nodes}")]
    NoDigests {
        /// Height of the block.
        height: u64,
        /// Each node and its newest fault.
        nodes: String,
    },
    /// Too few rows are to be had.
    #[error("DA block {height} cannot be restored: {why}; nodes: {nodes}")]
    Rows {
        /// Height of the block.
        height: u64,
        /// How many are missing.
        why: RestoreFault,
        /// Each node and its newest fault.
        nodes: String,
    },
    /// The producer committed to another index than the one in the payload.
    #[error("the index in DA block {height} is not the one that its header commits to: {why}")]
    WrongIndex {
        /// Height of the block.
        height: u64,
        /// What is wrong.
        why: IndexFault,
    },
    /// The producer's entry does not fit the bytes at its place.
    #[error("the entry in DA block {height} is void: {why}")]
    Void {
        /// Height of the block.
        height: u64,
        /// What is wrong.
        why: BlobFault,
    },
}

impl From<TrustError> for BlobError {
    fn from(error: TrustError) -> Self {
        LightError::from(error).into()
    }
}

impl Reason for BlobError {
    fn code(&self) -> Code {
        match self {
            Self::Light(LightError::Fork { .. }) | Self::WrongIndex { .. } | Self::Void { .. } => Code::DataLoss,
            Self::Light(LightError::NoNode { .. } | LightError::NoBlock { .. })
            | Self::NoHeader { .. }
            | Self::NoDigests { .. }
            | Self::Rows { .. } => Code::Unavailable,
            Self::Light(LightError::Trust(_)) => Code::FailedPrecondition,
            Self::Light(_) => Code::Internal,
            Self::Busy { .. } => Code::ResourceExhausted,
            Self::ProofWithoutPlace => Code::InvalidArgument,
            Self::NotFound { .. } | Self::NotIncluded { .. } => Code::NotFound,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Light(LightError::Fork { .. }) => "CHAIN_FAULT",
            Self::Light(LightError::NoNode { .. } | LightError::NoBlock { .. }) => "NO_NODE",
            Self::Light(LightError::Trust(_)) => "TRUST",
            Self::Light(_) => "INTERNAL",
            Self::Busy { .. } => "MAX_BLOB_CALLS",
            Self::ProofWithoutPlace => "PROOF_WITHOUT_PLACE",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::NoHeader { .. } => "NO_HEADER",
            Self::NotIncluded { .. } => "NOT_INCLUDED",
            Self::NoDigests { .. } => "NO_DIGESTS",
            Self::Rows { .. } => "TOO_FEW_ROWS",
            Self::WrongIndex { .. } => "WRONG_INDEX",
            Self::Void { .. } => "VOID_ENTRY",
        }
    }
}
