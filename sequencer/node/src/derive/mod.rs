//! The chain from the settlement log and the DA layer alone, every batch executed again.
//!
//! [`LogView`] replays the log by settlement's own rules: what breaks them is no
//! log. [`plan`] compares the canonical commitments in it with the batches in the
//! store. [`Deriver`] does what is to be done: fetches payloads, recovers senders
//! on all cores and executes, each a batch ahead of the other, writes what is
//! valid, refuses what is not, and takes back what settlement has rejected.
//!
//! What this node finds and what the log says must be the same in the end. If
//! not, deriving stops for good ([`Disagreement`]): one of the two runs other
//! rules, or lies.
//!
//! Whether data was available cannot be told later; there the log's word is
//! followed. Deliberately absent: production, and anything that trusts the
//! settlement service beyond its log.

mod adopt;
mod driver;
mod error;
mod judge;
mod payloads;
mod pipeline;
mod plan;
mod progress;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod view;

pub use adopt::catch_up;
pub use driver::Deriver;
pub use error::{DeriveError, Disagreement};
pub use payloads::Payloads;
pub use plan::{Job, Plan, Subject, plan};
pub use progress::Progress;
pub use view::{LogReader, LogView, rules, terms};
