//! Filters that clients poll: at most `rpc.max_filters`, each forgotten when nobody asks for [`TTL`].
//!
//! A filter on blocks or logs is a cursor, not a buffer: what it has not delivered is read from the chain when it is
//! asked for. Only a filter on the pool holds anything, a bounded channel. Where blocks were taken back that a filter has
//! delivered, it goes back too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use alloy_primitives::B256;
use alloy_rpc_types_eth::Filter;
use tokio::sync::broadcast;

use super::error::RpcError;
use super::ids::Ids;
use crate::chain::Reader;

/// A filter that nobody asks for this long is forgotten (go-ethereum's five minutes).
pub const TTL: Duration = Duration::from_secs(300);

/// What a filter delivers.
#[derive(Debug)]
pub enum Kind {
    /// Hashes of new blocks.
    Blocks,
    /// Events in new blocks.
    Logs(Box<Filter>),
    /// Hashes of transactions accepted into the pool.
    Accepted(broadcast::Receiver<B256>),
}

/// One filter.
#[derive(Debug)]
pub struct Polled {
    /// What it delivers.
    pub kind: Kind,
    /// How far it has delivered.
    pub reader: Reader,
}

struct Slot {
    filter: Arc<Mutex<Polled>>,
    used: Instant,
}

/// All filters.
pub struct Filters {
    most: usize,
    ids: Ids,
    slots: Mutex<HashMap<String, Slot>>,
}

impl Filters {
    /// At most `most` at once.
    pub fn new(most: usize) -> Self {
        Self { most, ids: Ids::default(), slots: Mutex::default() }
    }

    /// Adds one and names it.
    pub fn add(&self, kind: Kind, reader: Reader, now: Instant) -> Result<String, RpcError> {
        let mut slots = self.slots();
        if slots.len() >= self.most {
            slots.retain(|_, slot| now.saturating_duration_since(slot.used) < TTL);
        }
        if slots.len() >= self.most {
            let what = "number of filters".to_owned();
            return Err(RpcError::Limit { what, limit: self.most as u64, key: "rpc.max_filters" });
        }
        let id = self.ids.next();
        slots.insert(id.clone(), Slot { filter: Arc::new(Mutex::new(Polled { kind, reader })), used: now });
        metrics::gauge!("weft_rpc_filters").set(slots.len() as f64);
        Ok(id)
    }

    /// The filter of this name. Whoever locks it delivers what is next, once.
    pub fn get(&self, id: &str, now: Instant) -> Result<Arc<Mutex<Polled>>, RpcError> {
        let mut slots = self.slots();
        let slot = slots.get_mut(id).ok_or(RpcError::NoFilter)?;
        if now.saturating_duration_since(slot.used) >= TTL {
            slots.remove(id);
            return Err(RpcError::NoFilter);
        }
        slot.used = now;
        Ok(slot.filter.clone())
    }

    /// Forgets one; whether it was there.
    pub fn remove(&self, id: &str) -> bool {
        let mut slots = self.slots();
        let removed = slots.remove(id).is_some();
        metrics::gauge!("weft_rpc_filters").set(slots.len() as f64);
        removed
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn bounded_and_expiring() {
        let filters = Filters::new(2);
        let start = Instant::now();
        let chain = crate::testing::node().backend.chain().clone();
        let at = |next| chain.reader().at(next);
        let first = filters.add(Kind::Blocks, at(1), start).unwrap();
        let second = filters.add(Kind::Blocks, at(2), start + TTL / 2).unwrap();
        let full = filters.add(Kind::Blocks, at(3), start + TTL / 2).unwrap_err();
        assert!(matches!(full, RpcError::Limit { limit: 2, key: "rpc.max_filters", .. }));
        // The first has expired, its place is free.
        let third = filters.add(Kind::Blocks, at(3), start + TTL).unwrap();
        assert!(matches!(filters.get(&first, start + TTL), Err(RpcError::NoFilter)));
        assert_eq!(filters.get(&second, start + TTL).unwrap().lock().unwrap().reader.next, 2);
        assert!(filters.remove(&third) && !filters.remove(&third));
        assert!(filters.get("0x1", start).is_err());
        // Asking keeps it alive.
        assert!(filters.get(&second, start + TTL + TTL / 2).is_ok());
        assert!(matches!(filters.get(&second, start + 3 * TTL), Err(RpcError::NoFilter)));
    }
}
