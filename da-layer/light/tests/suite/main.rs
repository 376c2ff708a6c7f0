//! Light clients against honest and lying nodes, in memory and over gRPC.

#![allow(clippy::unwrap_used)]

mod availability;
mod chain;
mod daemon;
mod figures;
mod mix;
mod node;
mod resume;
mod server;
mod setup;
mod world;
