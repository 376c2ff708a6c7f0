//! The key-value store's twin in memory.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use super::{Family, Kv, Pair, StoreError, Write};

/// Keeps everything in memory; forgets it at the end.
#[derive(Debug, Default)]
pub struct MemoryKv(RwLock<Map>);

type Map = BTreeMap<(Family, Vec<u8>), Vec<u8>>;

impl Kv for MemoryKv {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(map.get(&(family, key.to_vec())).cloned())
    }

    fn write(&self, writes: Vec<Write>, _durable: bool) -> Result<(), StoreError> {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for Write { family, key, value } in writes {
            match value {
                Some(value) => map.insert((family, key), value),
                None => map.remove(&(family, key)),
            };
        }
        Ok(())
    }

    fn scan(&self, family: Family, from: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let pairs = map.range((family, from.to_vec())..).take_while(|((found, _), _)| *found == family);
        Ok(pairs.take(limit).map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }

    fn last(&self, family: Family) -> Result<Option<Pair>, StoreError> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let after = (family, vec![u8::MAX; 80]);
        let newest = map.range(..after).next_back().filter(|((found, _), _)| *found == family);
        Ok(newest.map(|((_, key), value)| (key.clone(), value.clone())))
    }
}
