//! One file for each folder of vectors.
#![allow(clippy::unwrap_used)]

mod batch;
mod batch_bytes;
mod bridge;
mod chain;
mod commitment;
mod evidence;
mod fields;
mod log;
mod replay;
mod settled;
mod state;
