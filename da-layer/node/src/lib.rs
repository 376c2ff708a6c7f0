//! The data-availability node: takes blobs, makes signed DA blocks of them, serves rows and proofs.
//!
//! [`intake`] makes blocks, [`policy`] says what may come in, [`reader`] is
//! everything that is read, [`store`] what is durable; [`retention`] and
//! [`archive`] are for old blocks. With [`custody`] several nodes share the
//! rows. Deliberately absent: any knowledge of what the blobs mean.

pub mod archive;
pub mod cache;
pub mod config;
pub mod custody;
mod grpc;
pub mod intake;
pub mod metrics;
mod pages;
pub mod policy;
pub mod reader;
pub mod retention;
mod run;
mod status;
pub mod store;
#[cfg(test)]
mod test_store;
#[cfg(test)]
mod tests;

pub use archive::ArchiveConfig;
pub use config::{Config, Limits};
pub use retention::{NamespaceRule, Retention};
pub use run::{Listeners, RunError, run};
