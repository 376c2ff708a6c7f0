//! Parallel execution: the result of executing transactions one after the other, sooner.
//!
//! Block-STM (Gelashvili et al., PPoPP 2023) with three changes. Reads are
//! checked by value, and once: when all transactions before are committed.
//! Balances are moved, not written ([`value`]), so that neither fees nor
//! payments make transactions depend on each other; nor do nonces, because a
//! sender's next one is known. Plain payments are left to the committer, who
//! makes them without the EVM in less time than it takes to hand them over
//! ([`pay`]).
//!
//! Threads claim transactions in order ([`schedule`]) and execute them on what
//! they find in the multi-version [`memory`]; what they would write waits in
//! the [`window`]. Whoever holds the [`head`], as [`turn`] has it, takes them in
//! block order: an outcome whose reads still hold is committed, any other
//! transaction is executed again, now with certainty, and what it does is
//! committed while it is looked through ([`commit`]). So a block is correct
//! whatever the threads do.
//!
//! A block is to take no longer than on one thread. So one thread begins
//! alone, and calls others only if much seems to be left ([`prospect`]) and what
//! it has executed was not one chain; what seems to take long is begun first
//! ([`early`]); where most outcomes do not hold, the head goes on alone for a
//! while; and who has nothing to do executes the transaction that all wait for
//! once more, in case its thread is asleep. A worker remembers what it can from
//! transaction to transaction and from block to block ([`scratch`]), and shares
//! no counter of references with any other.
//!
//! revm's code and what is generic here are compiled where the kind of state is
//! known, in other crates; so the small functions that they call for each
//! account and slot are marked to be inlined there.
//!
//! The sequential executor ([`crate::block`]) is the oracle: same changes, same
//! results, bit for bit.

mod candidate;
mod cell;
mod changed;
mod commit;
mod database;
mod early;
mod engine;
mod evm;
mod hashes;
mod head;
mod marks;
mod memory;
mod numbers;
mod outcome;
mod pay;
mod prospect;
mod reads;
mod record;
mod run;
mod schedule;
mod scratch;
mod stats;
mod sync;
mod table;
mod turn;
mod value;
mod window;
mod worker;

pub use candidate::{Candidate, Payment};
pub use engine::Engine;
pub(crate) use engine::{Finished, Setting, run};
pub(crate) use head::{Admission, Sink};
pub use stats::{HotPlace, Lane, Stats};
