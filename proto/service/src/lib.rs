//! What every service of Weft needs around its own work.
//!
//! Logs and metrics ([`telemetry`], [`log_level`], [`catalogue`], [`trace`]), health ([`readiness`], [`http`]), the page
//! for people ([`page`]), gRPC with reflection ([`grpc`]), listening
//! ([`listen`]), time ([`clock`]), stopping ([`shutdown`]), parts that fail
//! together ([`tasks`]), trying again ([`backoff`]), key files ([`key_file`])
//! and disk space ([`disk`]).
//! Deliberately absent: anything that knows what a service does.

pub mod backoff;
pub mod catalogue;
pub mod clock;
mod connections;
pub mod disk;
pub mod grpc;
pub mod http;
pub mod key_file;
pub mod listen;
pub mod log_level;
pub mod page;
pub mod readiness;
pub mod shutdown;
pub mod tasks;
pub mod telemetry;
pub mod trace;

pub use readiness::Readiness;
pub use shutdown::Shutdown;
pub use tasks::TaskSet;

/// Version of the software, as every service reports it.
pub const VERSION: &str = concat!("weft/", env!("CARGO_PKG_VERSION"));
