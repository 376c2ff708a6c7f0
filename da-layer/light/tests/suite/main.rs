//! Light clients against honest and lying nodes, in memory and over gRPC.

#![allow(clippy::unwrap_used)]

mod availability;
mod blob;
mod chain;
mod daemon;
mod figures;
mod grpc;
mod mix;
mod node;
mod resume;
mod running;
mod server;
mod setup;
mod world;
