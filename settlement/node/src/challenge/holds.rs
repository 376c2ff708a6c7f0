//! Which commitments are being challenged right now.
//!
//! A commitment does not become final while a challenge that came in time is
//! received or judged; and it is judged by one challenge at a time, however
//! many come. Held in memory: who is interrupted challenges again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::B256;

/// Shared by the engine, which asks, and by those who judge.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holds(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Challenges on their way, by commitment.
    held: BTreeMap<B256, usize>,
    judged: BTreeSet<B256>,
}

/// Holds a commitment until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    holds: Holds,
    commitment: B256,
}

/// The right to judge a commitment, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    holds: Holds,
    commitment: B256,
}

impl Holds {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a challenge to the commitment is on its way.
    pub(crate) fn holds(&self, commitment: B256) -> bool {
        self.state().held.contains_key(&commitment)
    }

    /// A challenge is on its way.
    pub(super) fn hold(&self, commitment: B256) -> Hold {
        *self.state().held.entry(commitment).or_default() += 1;
        Hold { holds: self.clone(), commitment }
    }

    /// `None` while somebody else judges it.
    pub(super) fn turn(&self, commitment: B256) -> Option<Turn> {
        let first = self.state().judged.insert(commitment);
        first.then(|| Turn { holds: self.clone(), commitment })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.holds.state();
        if let Some(count) = state.held.get_mut(&self.commitment) {
            *count -= 1;
            if *count == 0 {
                state.held.remove(&self.commitment);
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.holds.state().judged.remove(&self.commitment);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn held_while_any_is_on_its_way_and_judged_by_one() {
        let (holds, commitment) = (Holds::default(), B256::repeat_byte(1));
        let (first, second) = (holds.hold(commitment), holds.hold(commitment));
        drop(first);
        assert!(holds.holds(commitment) && !holds.holds(B256::ZERO));
        drop(second);
        assert!(!holds.holds(commitment));
        let turn = holds.turn(commitment).unwrap();
        assert!(holds.turn(commitment).is_none() && holds.turn(B256::ZERO).is_some());
        drop(turn);
        assert!(holds.turn(commitment).is_some());
    }
}
