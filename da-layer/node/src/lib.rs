//! The data-availability node: takes blobs, makes signed DA blocks of them, serves rows and proofs.
//!
//! [`intake`] is the only writer, [`policy`] says what may come in,
//! [`reader`] is everything that is read, [`store`] what is durable. Deliberately absent: any knowledge of what the
//! blobs mean.

pub mod cache;
pub mod config;
mod grpc;
pub mod intake;
pub mod policy;
pub mod reader;
mod run;
pub mod store;
#[cfg(test)]
mod tests;

pub use config::{Config, Limits};
pub use run::{Listeners, RunError, run};
