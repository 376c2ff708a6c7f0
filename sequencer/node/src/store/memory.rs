//! The key-value store's twin in memory.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Family, Kv, KvView, Pair, StoreError, Visit, Write};

/// Keeps everything in memory; forgets it at the end.
#[derive(Debug, Default)]
pub struct MemoryKv(RwLock<Arc<Map>>);

type Map = BTreeMap<(Family, Vec<u8>), Vec<u8>>;

impl MemoryKv {
    /// As it is now.
    fn map(&self) -> Arc<Map> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl KvView for MemoryKv {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(map.get(&(family, key.to_vec())).cloned())
    }

    fn walk(&self, family: Family, from: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let map = self.map();
        let pairs = map.range((family, from.to_vec())..).take_while(|((found, _), _)| *found == family);
        for ((_, key), value) in pairs {
            if let ControlFlow::Break(()) = visit(key, value) {
                break;
            }
        }
        Ok(())
    }

    fn pin(&self) -> Arc<dyn KvView> {
        // The first write from now on copies the map.
        Arc::new(Self(RwLock::new(self.map())))
    }
}

impl Kv for MemoryKv {
    fn write(&self, writes: Vec<Write>, _durable: bool) -> Result<(), StoreError> {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let map = Arc::make_mut(&mut map);
        for Write { family, key, value } in writes {
            match value {
                Some(value) => map.insert((family, key), value),
                None => map.remove(&(family, key)),
            };
        }
        Ok(())
    }

    fn last(&self, family: Family) -> Result<Option<Pair>, StoreError> {
        let map = self.map();
        let after = (family, vec![u8::MAX; 80]);
        let newest = map.range(..after).next_back().filter(|((found, _), _)| *found == family);
        Ok(newest.map(|((_, key), value)| (key.clone(), value.clone())))
    }
}
