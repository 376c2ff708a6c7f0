//! The sampling light client of Weft's data availability layer.
//!
//! It follows the signed headers of a DA network ([`chain`]), samples rows of
//! every block from the nodes it was given ([`mod@judge`]), keeps what it found
//! ([`store`]), and says for others whether a blob is there, or brings it back
//! from rows ([`blob`]). It trusts one address, whose signature makes a header *the*
//! header of its height ([`trust`]); that the data behind it is there and rightly
//! encoded it trusts nobody for. Nodes are [`source`]s of bytes: whatever they
//! say is checked, and what does not check is held against them ([`nodes`]).
//!
//! What it decides is weft-verdict's ([`verdict`]); here is the network, the disk
//! and the clock around it. Ways to run it: [`run_once`] judges one height,
//! [`run_until`] all up to one, [`run_blob`] restores a blob, [`run`] is the
//! daemon with its ports.
//!
//! Deliberately absent: a database, execution, anything that needs a peer's honesty.
//!
//! What the verdict cannot exclude: a single node that sees all of one client's
//! requests may serve just these rows and no others. Several independent
//! `--da-url`s, among which the rows are spread, and other clients make that hard.

pub mod blob;
mod client;
pub mod config;
mod daemon;
mod engine;
mod error;
mod fetch;
mod follow;
mod grpc;
pub mod judge;
pub mod metrics;
pub mod nodes;
mod once;
mod pages;
pub mod progress;
pub mod source;
mod status;
pub mod store;
pub mod trust;
mod until;

pub use blob::{BlobError, BlobVerdict, RestoredBlob};
pub use client::Client;
pub use config::{Config, Limits};
pub use daemon::Listeners;
pub use error::LightError;
pub use once::OnceTarget;
pub use progress::{ProgressEvent, progress_bar};
pub use until::Summary;

pub use weft_verdict::{self as verdict, BlobClaim, ChainConfidence, Judgement, Verdict, chain};

use weft_service::Shutdown;

/// Judges one height and returns. What is in `data_dir` is used and added to.
pub async fn run_once(
    config: Config,
    target: OnceTarget,
    progress: impl Fn(ProgressEvent) + Send + Sync + 'static,
) -> Result<Judgement, LightError> {
    Client::connect(config)?.once(target, progress).await
}

/// Judges every height up to `height` that has not been judged before, and returns.
pub async fn run_until(
    config: Config,
    height: u64,
    progress: impl Fn(ProgressEvent) + Send + Sync + 'static,
) -> Result<Summary, LightError> {
    Client::connect(config)?.until(height, progress).await
}

/// Brings a blob back from rows that verify, and returns. What is in `data_dir` is used.
pub async fn run_blob(
    config: Config,
    claim: BlobClaim,
    progress: impl Fn(ProgressEvent) + Send + Sync + 'static,
) -> Result<RestoredBlob, BlobError> {
    Client::connect(config)?.get_blob(claim, progress).await
}

/// Follows the network and judges every height until `shutdown`; serves verdicts and blobs over gRPC and HTTP.
pub async fn run(config: Config, listeners: Listeners, shutdown: Shutdown) -> Result<(), LightError> {
    Box::pin(Client::connect(config)?.serve(listeners, shutdown)).await
}
