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
    fn payments_need_help_only_with_the_state() {
        let many: Vec<TxEnv> = (0..2_000).map(|_| payment()).collect();
        assert_eq!(ask(&many, &[(100, 40, false), (200, 80, false)]), [false; 2]);
        assert_eq!(ask(&many, &[(100, 40, true)]), [true]);
        let mut mixed = many[..100].to_vec();
        mixed.push(call(1_000_000));
        assert_eq!(ask(&mixed, &[(50, 40, false)]), [true]);
    }
}
