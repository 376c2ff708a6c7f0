//! The transport: connections, their limits, and what is measured of each call.
//!
//! HTTP and WebSocket share one port. [`server`] accepts, [`gate`] and [`stream`] hold one connection to its
//! limits, [`meter`] counts calls. Deliberately absent: what a method does.

mod gate;
mod meter;
mod server;
mod stream;

pub use gate::Gate;
pub use server::{ServeError, serve};
