//! Why a client gives no verdict. A bad verdict is not an error.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::ConfigError;
use crate::store::StoreError;
use crate::trust::TrustError;
use weft_verdict::chain::Fork;

/// Why a client gives no verdict.
#[derive(Debug, thiserror::Error)]
pub enum LightError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It is not settled whose headers to take.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The client cannot remember.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No node says what it runs.
    #[error("no DA node answered within {} s: {nodes}", waited.as_secs_f64())]
    NoNode {
        /// How long the client tried.
        waited: Duration,
        /// Each node and its newest fault.
        nodes: String,
    },
    /// There is no such block.
    #[error("{what} did not appear within {} s; nodes: {nodes}", waited.as_secs_f64())]
    NoBlock {
        /// Which block.
        what: String,
        /// How long the client waited for it.
        waited: Duration,
        /// Each node and its newest fault.
        nodes: String,
    },
    /// The signer contradicts itself, so there is no telling which chain is the right one.
    #[error("{fork}; {}", kept(.evidence.as_ref()))]
    Fork {
        /// Both headers.
        fork: Box<Fork>,
        /// Where the proof is kept.
        evidence: Option<PathBuf>,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness to sample with")]
    Randomness,
    /// The gRPC port failed.
    #[error(transparent)]
    Grpc(#[from] weft_service::grpc::GrpcError),
    /// The HTTP port failed.
    #[error("HTTP: {0}")]
    Http(#[from] std::io::Error),
    /// A task of the client ended by itself; a defect.
    #[error("a task stopped: {0}")]
    Task(#[from] tokio::task::JoinError),
}

fn kept(evidence: Option<&PathBuf>) -> String {
    match evidence {
        Some(path) => format!("both are kept in {}", path.display()),
        None => "both are not kept: no --data-dir is set, or its evidence folder is full".to_owned(),
    }
}
