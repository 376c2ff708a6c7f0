//! Takes blobs, makes DA blocks of them by group commit, answers once they are durable.
//!
//! A block is made as soon as blobs wait and the last block is done. All that
//! waits then goes into it, up to the block's limit; when more waits,
//! namespaces take fair turns ([`turns`]). Putting the same bytes
//! into the same namespace again returns the first place, whether they are
//! stored, in the same block, or in an earlier put that is still waiting.

mod engine;
mod ingress;
#[cfg(test)]
mod tests;
pub mod turns;

pub use engine::Engine;
pub use ingress::{Intake, Placed, PutError, Ticket};
