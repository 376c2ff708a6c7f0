//! What a transaction read of accounts, found again by their numbers.

use alloy_primitives::map::{Entry, HashMap};

use super::value::AccountRead;

/// Reads that are looked through one by one; of more there is an index, so that no transaction takes longer than its
/// gas pays for.
const FEW: usize = 16;

/// In the order in which they happened.
#[derive(Debug, Default)]
pub(super) struct Reads {
    list: Vec<AccountRead>,
    /// Of all, or of none while there are few.
    index: HashMap<u32, usize>,
}

impl Reads {
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.index.clear();
    }

    #[inline]
    pub(super) fn push(&mut self, read: AccountRead) {
        let at = self.list.len();
        self.list.push(read);
        match at {
            0..FEW => {}
            FEW => (0..=FEW).for_each(|at| self.enter(at)),
            _ => self.enter(at),
        }
    }

    /// The first counts, should an account have been read twice.
    fn enter(&mut self, at: usize) {
        if let Entry::Vacant(place) = self.index.entry(self.list[at].cell) {
            place.insert(at);
        }
    }

    /// Of the account with this number.
    pub(super) fn of(&mut self, cell: u32) -> Option<&mut AccountRead> {
        if self.index.is_empty() {
            return self.list.iter_mut().find(|read| read.cell == cell);
        }
        self.index.get(&cell).map(|at| &mut self.list[*at])
    }

    /// Exchanges them for an empty list.
    pub(super) fn take(&mut self, list: &mut Vec<AccountRead>) {
        self.index.clear();
        std::mem::swap(&mut self.list, list);
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut AccountRead> {
        self.list.iter_mut()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloy_primitives::{KECCAK256_EMPTY, U256};

    use super::*;
    use crate::parallel::value::Need;

    #[test]
    fn few_and_many_are_found_again() {
        let mut reads = Reads::default();
        for cell in 0..100 {
            let (balance, need) = (U256::from(cell), Need::Exactly);
            let (changes, code_hash, nonce_matters, presence) = (None, KECCAK256_EMPTY, false, None);
            reads.push(AccountRead { cell, changes, code_hash, balance, need, nonce: 0, nonce_matters, presence });
            for past in 0..=cell {
                assert_eq!(reads.of(past).unwrap().balance, U256::from(past));
            }
            assert!(reads.of(cell + 1).is_none());
        }
        let mut list = Vec::new();
        reads.take(&mut list);
        assert_eq!(list.len(), 100);
        assert!(reads.of(3).is_none() && reads.iter_mut().next().is_none());
    }
}
