//! One file for each folder of vectors.
#![allow(clippy::unwrap_used)]

mod batch;
mod batch_bytes;
mod commitment;
mod log;
mod state;
