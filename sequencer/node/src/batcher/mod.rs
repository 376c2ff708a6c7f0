//! From blocks to final batches: cut, publish on DA, commit to settlement, follow its log.
//!
//! Each step is stored before the next, and each retry sends the same bytes: a
//! batch is cut once, a commitment signed once. With DA or settlement away,
//! batches wait up to a bound; then admission closes with a reason. Blocks go
//! on all the while.

mod cutter;
mod effort;
mod follower;
mod stages;
mod submitter;
#[cfg(test)]
mod tests;

pub use cutter::{CutError, Cutter};
pub use follower::{FollowError, Follower};
pub use stages::{News, Posting, Stages};
pub(crate) use submitter::blocking;
pub use submitter::{Commit, Publish, Published, Submitter};
