//! How something came out other than it should.

use alloy_primitives::{Address, B256};
use weft_execution::raw::Outcome;
use weft_execution::{Missing, SkipReason};

/// The first difference that was found in a case.
#[derive(Debug, thiserror::Error)]
pub enum Difference {
    /// The case cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// An executor panicked.
    #[error("{executor}: panicked: {message}")]
    Panicked {
        /// Which.
        executor: String,
        /// What it said.
        message: String,
    },
    /// State that is all there was not found.
    #[error("{executor}: {missing}")]
    Missing {
        /// Which executor.
        executor: String,
        /// What.
        missing: Missing,
    },
    /// The executors disagree.
    #[error("on {threads} threads: {what}")]
    Executors {
        /// Threads of the one that is wrong.
        threads: usize,
        /// The first thing that is not as it is sequentially.
        what: String,
    },
    /// A hash.
    #[error("{what}: {got}, should be {want}")]
    Hash {
        /// Of what.
        what: &'static str,
        /// Ours.
        got: B256,
        /// Theirs.
        want: B256,
    },
    /// Gas used.
    #[error("gas used: {got}, should be {want}")]
    Gas {
        /// Ours.
        got: u64,
        /// Theirs.
        want: u64,
    },
    /// Who sent a transaction.
    #[error("sender: {got}, should be {want}")]
    Sender {
        /// Ours.
        got: Address,
        /// Theirs.
        want: Address,
    },
    /// The bloom filter over a block's logs.
    #[error("the logs' bloom filter is another one")]
    Bloom,
    /// A valid transaction was refused.
    #[error("transaction {at} was refused: {reason}")]
    Refused {
        /// Its place.
        at: usize,
        /// Why.
        reason: SkipReason,
    },
    /// A valid transaction was refused by the decoder.
    #[error("refused: {0}")]
    Undecoded(String),
    /// An invalid transaction was executed.
    #[error("executed, should be refused: {0}")]
    NotRefused(String),
    /// A refused transaction changed something.
    #[error("refused, and yet the state has changed")]
    NotUnchanged,
}

/// Hashes that should be the same.
pub fn same_hash(what: &'static str, got: B256, want: B256) -> Result<(), Difference> {
    if got == want { Ok(()) } else { Err(Difference::Hash { what, got, want }) }
}

/// The first thing that two outcomes do not share, for people.
pub fn first_difference(sequential: &Outcome, parallel: &Outcome) -> String {
    for (at, (want, got)) in sequential.results.iter().zip(&parallel.results).enumerate() {
        if want != got {
            return format!("transaction {at}: {got:?}, sequentially {want:?}");
        }
    }
    let (want, got) = (&sequential.changes, &parallel.changes);
    let (results, parallel_results) = (sequential.results.len(), parallel.results.len());
    if results != parallel_results {
        return format!("{parallel_results} results, sequentially {results}");
    }
    for (address, change) in &want.accounts {
        let other = got.accounts.iter().find(|(other, _)| other == address).map(|(_, change)| change);
        if other != Some(change) {
            return format!("{address}: {other:?}, sequentially {change:?}");
        }
    }
    let more = got.accounts.iter().find(|(address, _)| want.accounts.iter().all(|(other, _)| other != address));
    match more {
        Some((address, change)) => format!("{address}: {change:?}, sequentially unchanged"),
        None => format!("{} new codes, sequentially {}", got.codes.len(), want.codes.len()),
    }
}
