//! Names of filters and subscriptions: 128 bits that cannot be guessed, in hexadecimal.
//!
//! Two keyed hashes (SipHash with keys from the system's entropy) of a counter: unique by the counter,
//! unguessable by the keys.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use jsonrpsee::server::IdProvider;
use jsonrpsee::types::SubscriptionId;

/// Makes identifiers.
#[derive(Debug, Default)]
pub struct Ids {
    keys: [RandomState; 2],
    count: AtomicU64,
}

impl Ids {
    /// A new one, as Ethereum's quantities are written: `0x` and no leading zeros.
    pub fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let [high, low] = [&self.keys[0], &self.keys[1]].map(|key| key.hash_one(count));
        format!("{:#x}", u128::from(high) << 64 | u128::from(low))
    }
}

impl IdProvider for Ids {
    fn next_id(&self) -> SubscriptionId<'static> {
        self.next().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn all_differ() {
        let (a, b) = (Ids::default(), Ids::default());
        let all: HashSet<String> = (0..1_000).flat_map(|_| [a.next(), b.next()]).collect();
        assert_eq!(all.len(), 2_000);
        assert!(all.iter().all(|id| id.starts_with("0x") && id.len() <= 34 && !id.starts_with("0x0")));
    }
}
