//! Getting digests and rows from nodes of which any may lie, stall or have nothing.

mod ask;
mod digests;

pub(crate) use ask::{Outcome, Reply, Request};
pub(crate) use digests::{Digests, fetch as fetch_digests};
