//! The data-availability node: takes blobs, makes signed DA blocks of them, serves rows and proofs.
//!
//! [`intake`] is the only writer of blocks, [`reader`] everything that is read,
//! [`store`] what is durable; [`retention`] and [`archive`] are for old blocks.
//! Deliberately absent: any knowledge of what the blobs mean.

pub mod archive;
pub mod cache;
pub mod config;
mod grpc;
pub mod intake;
pub mod reader;
pub mod retention;
mod run;
pub mod store;
#[cfg(test)]
mod test_store;

pub use archive::ArchiveConfig;
pub use config::{Config, Limits};
pub use retention::{NamespaceRule, Retention};
pub use run::{Listeners, RunError, run};
