//! Hashes of two words that a worker has computed lately.
//!
//! The slot of `balances[owner]` is the hash of two words, and contracts compute
//! it anew each time they look there: a third of what a token transfer takes.

use alloy_primitives::B256;

/// Hashes remembered; a power of two. Small enough to stay in the processor's nearest cache.
const PLACES: usize = 128;

/// Two words.
pub(super) type Pair = [u8; 64];

/// Each pair has one place, which the last to come takes.
#[derive(Debug)]
pub(super) struct Hashes(Box<[Option<(Pair, B256)>]>);

impl Hashes {
    pub(super) fn new() -> Self {
        Self(vec![None; PLACES].into())
    }

    #[inline]
    pub(super) fn get(&self, pair: &Pair) -> Option<B256> {
        let (known, hash) = self.0[place(pair)].as_ref()?;
        (known == pair).then_some(*hash)
    }

    #[inline]
    pub(super) fn insert(&mut self, pair: Pair, hash: B256) {
        self.0[place(&pair)] = Some((pair, hash));
    }
}

/// The low ends of both words: a mapping's key, an address or a small number, and its slot.
fn place(pair: &Pair) -> usize {
    let key = usize::from(pair[31]) | usize::from(pair[30]) << 8;
    (key ^ usize::from(pair[63]).wrapping_mul(37)) % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_put_in_comes_out() {
        let mut hashes = Hashes::new();
        let pair = |n: u16| {
            let mut pair = [0; 64];
            pair[10..12].copy_from_slice(&n.to_be_bytes());
            pair[30..32].copy_from_slice(&(n % 300).to_be_bytes());
            pair
        };
        for n in 0..1_000 {
            assert_eq!(hashes.get(&pair(n)), None);
            hashes.insert(pair(n), B256::with_last_byte(n as u8));
            assert_eq!(hashes.get(&pair(n)), Some(B256::with_last_byte(n as u8)));
        }
    }
}
