//! Whether a block that one thread has begun is worth calling others for.
//!
//! Nobody knows how long transactions take. What is left is taken to go on as
//! what is done did, by the gas that was asked for.

use std::time::Duration;

use super::candidate::Candidate;

/// How often [`Prospect::step`] what is left must seem to take, to be worth the others' way here and back.
const WORTH: u32 = 12;

/// What a payment takes for which the state has to be read, beside the gas that other transactions ask for. Otherwise
/// others cannot help with it.
const PAYMENT: u64 = 2_000;

/// Transactions that are begun early, for each thread, at most.
const EARLY_PER_THREAD: usize = 2;

/// Gas that is asked for before a transaction, of all gas, so that it makes a difference if it is begun early: one part
/// in so many.
const LATE: u64 = 4;

/// How often the gas that a transaction asks for the others may find behind it, and be done before it all the same:
/// most transactions ask for more than they need.
const LONG: u64 = 4;

/// Candidates among which those are looked for, at most.
const MOST_LOOKED_AT: usize = 8_192;

/// Those of the candidates from the one at `from` on for which all others would have to wait at the end, if they were
/// begun in their turn: long ones that come late. The longest first.
pub(super) fn longest<C: Candidate>(candidates: &[C], from: usize, threads: usize) -> Vec<u32> {
    let work = |candidate: &C| if candidate.pays().is_some() { 0 } else { candidate.gas_limit() };
    let end = candidates.len().min(from + MOST_LOOKED_AT);
    let gas: Vec<u64> = candidates[from..end].iter().map(work).collect();
    let all = gas.iter().copied().fold(0, u64::saturating_add);
    let (mut before, mut longest) = (0u64, Vec::new());
    for (gas, at) in gas.into_iter().zip(from as u32..) {
        let behind = all.saturating_sub(before).saturating_sub(gas);
        let helped = behind / (threads as u64 - 1).max(1);
        if gas > 0 && before >= all / LATE && helped < gas.saturating_mul(LONG) {
            longest.push((gas, at));
        }
        before = before.saturating_add(gas);
    }
    longest.sort_unstable_by_key(|(gas, at)| (std::cmp::Reverse(*gas), *at));
    longest.truncate(EARLY_PER_THREAD * threads);
    longest.into_iter().map(|(_, at)| at).collect()
}

/// Looks at each candidate twice, at most.
pub(super) struct Prospect<'c, C> {
    candidates: &'c [C],
    step: Duration,
    /// Candidates that are done, and their work.
    done: (usize, u64),
    /// The others' work, once that was not enough.
    left: Option<u64>,
}

impl<'c, C: Candidate> Prospect<'c, C> {
    /// Of a block that is looked at each time that so much time has passed.
    pub(super) fn new(candidates: &'c [C], step: Duration) -> Self {
        Self { candidates, step, done: (0, 0), left: None }
    }

    /// Whether so much is left that others should be called. By now `done` candidates took `took`; `cold`: state had to
    /// be read for payments.
    pub(super) fn is_worth(&mut self, done: usize, took: Duration, cold: bool) -> bool {
        let payment = if cold { PAYMENT } else { 0 };
        let work = |candidate: &C| if candidate.pays().is_some() { payment } else { candidate.gas_limit() };
        let new = self.candidates[self.done.0..done].iter().map(work).fold(0, u64::saturating_add);
        self.done = (done, self.done.1.saturating_add(new));
        // With nothing to compare with, any work at all is much.
        let scale = (self.step * WORTH).as_nanos() / took.as_nanos().max(1);
        let enough = u64::try_from(u128::from(self.done.1) * scale).unwrap_or(u64::MAX);
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(new);
            return *left > enough;
        }
        let mut left = 0u64;
        for candidate in &self.candidates[done..] {
            left = left.saturating_add(work(candidate));
            if left > enough {
                return true;
            }
        }
        self.left = Some(left);
        false
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Bytes, TxKind, U256};
    use revm::context::TxEnv;

    use super::*;

    fn call(gas_limit: u64) -> TxEnv {
        TxEnv { gas_limit, kind: TxKind::Call([7; 20].into()), data: Bytes::from_static(&[1]), ..TxEnv::default() }
    }

    fn payment() -> TxEnv {
        TxEnv { data: Bytes::new(), value: U256::from(1), ..call(21_000) }
    }

    fn ask(candidates: &[TxEnv], asked: &[(usize, u64, bool)]) -> Vec<bool> {
        let mut prospect = Prospect::new(candidates, Duration::from_micros(40));
        asked.iter().map(|(done, took, cold)| prospect.is_worth(*done, Duration::from_micros(*took), *cold)).collect()
    }

    #[test]
    fn much_must_be_left() {
        let many: Vec<TxEnv> = (0..1_000).map(|_| call(50_000)).collect();
        assert_eq!(ask(&many, &[(10, 40, false)]), [true]);
        assert_eq!(ask(&many[..100], &[(10, 40, false), (20, 80, false), (90, 400, false)]), [false; 3]);
        // It was slower than it seemed at first.
        assert_eq!(ask(&many[..100], &[(10, 40, false), (11, 400, false)]), [false, true]);
        assert_eq!(ask(&many, &[(1_000, 4_000, false)]), [false]);
    }

    #[test]
    fn long_ones_that_come_late_are_begun_early() {
        let mut all: Vec<TxEnv> = (0..100).map(|_| call(50_000)).collect();
        // Of those that are alike the last ones, which does no harm.
        assert_eq!(longest(&all, 0, 2), [96, 97, 98, 99]);
        (all[3], all[60], all[99]) = (call(900_000), call(1_000_000), call(2_000_000));
        all[50] = TxEnv { gas_limit: 30_000_000, ..payment() };
        assert_eq!(longest(&all, 0, 2), [99, 60]);
        assert_eq!(longest(&all, 99, 2), [0; 0]);
        assert_eq!(longest(&all[..1], 1, 2), [0; 0]);
    }

    #[test]
    fn payments_need_help_only_with_the_state() {
        let many: Vec<TxEnv> = (0..2_000).map(|_| payment()).collect();
        assert_eq!(ask(&many, &[(100, 40, false), (200, 80, false)]), [false; 2]);
        assert_eq!(ask(&many, &[(100, 40, true)]), [true]);
        let mut mixed = many[..100].to_vec();
        mixed.push(call(1_000_000));
        assert_eq!(ask(&mixed, &[(50, 40, false)]), [true]);
    }
}
