//! The public face of the crate: round trips, golden hashes, every kind of
//! tampering, light clients against honest and dishonest producers.

#![allow(clippy::unwrap_used)]

mod common;
mod encoding;
mod foreign_bytes;
mod golden;
mod headers;
mod index;
mod light_client;
mod scan;
mod vectors;
