//! Promises that wait for their block to be derived.

use std::collections::BTreeMap;

use weft_primitives::{B256, SignedPromise};

/// A bounded number of them, by block.
#[derive(Debug)]
pub struct Kept {
    promises: BTreeMap<(u64, B256), SignedPromise>,
    most: usize,
}

impl Kept {
    /// At most so many.
    pub const fn new(most: usize) -> Self {
        Self { promises: BTreeMap::new(), most }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.promises.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.promises.is_empty()
    }

    /// Keeps one; false if there are too many already: those that came first are derived first. Different ones about one
    /// number are kept beside each other.
    pub fn add(&mut self, signed: SignedPromise) -> bool {
        let room = self.promises.len() < self.most;
        if room {
            self.promises.insert((signed.promise.number, signed.promise.block_hash), signed);
        }
        room
    }

    /// Takes out those about blocks up to `latest`.
    pub fn due(&mut self, latest: u64) -> Vec<SignedPromise> {
        let later = match latest.checked_add(1) {
            Some(next) => self.promises.split_off(&(next, B256::ZERO)),
            None => BTreeMap::new(),
        };
        std::mem::replace(&mut self.promises, later).into_values().collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use weft_primitives::{Promise, Signer};

    fn promise(number: u64, hash: u8) -> SignedPromise {
        let (config_hash, base, block_hash) = (B256::ZERO, B256::ZERO, B256::repeat_byte(hash));
        let promise = Promise { chain_id: 1, config_hash, base, number, block_hash };
        promise.sign(&Signer::from_bytes([1; 32]).unwrap())
    }

    #[test]
    fn they_come_out_when_their_block_is_there_and_are_bounded() {
        let mut kept = Kept::new(4);
        for (number, hash) in [(5, 1), (3, 1), (3, 2), (3, 2), (u64::MAX, 1)] {
            assert!(kept.add(promise(number, hash)));
        }
        assert!(!kept.add(promise(4, 1)));
        assert!(kept.due(2).is_empty());
        assert_eq!(kept.due(4), [promise(3, 1), promise(3, 2)]);
        assert_eq!(kept.len(), 2);
        assert_eq!(kept.due(u64::MAX), [promise(5, 1), promise(u64::MAX, 1)]);
        assert!(kept.is_empty());
    }
}
