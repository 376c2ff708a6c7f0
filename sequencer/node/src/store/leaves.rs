//! The state's leaves: all in order when a chain is opened, and what the tree asks for that it has not in memory.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use weft_state::{Backing, LeafSource, StoredError, TreeKey, Value};

use super::{ChainStore, Family, KvView, StoreError};

/// Leaves read at once when all are.
const PAGE: usize = 65_536;

fn leaf(key: &[u8], value: &[u8]) -> Result<(TreeKey, Value), StoreError> {
    let damaged = || StoreError::Damaged { what: "state leaf" };
    Ok((TreeKey::new(key).map_err(|_| damaged())?, value.try_into().map_err(|_| damaged())?))
}

impl ChainStore {
    /// All leaves of the state, in key order. Nothing may be written meanwhile.
    pub fn leaves(&self) -> impl Iterator<Item = Result<(TreeKey, Value), StoreError>> + '_ {
        let mut from = Some(Vec::new());
        let pages = std::iter::from_fn(move || {
            let first = from.take()?;
            let mut page = Vec::new();
            let read = self.kv.walk(Family::Leaf, &first, &mut |key, value| {
                page.push(leaf(key, value));
                if page.len() < PAGE {
                    return ControlFlow::Continue(());
                }
                // The least key after this one.
                from = Some([key, &[0]].concat());
                ControlFlow::Break(())
            });
            page.extend(read.err().map(Err));
            Some(page)
        });
        pages.flatten()
    }

    /// What stands behind a tree that may take so many bytes of memory; nothing if all of it may be there.
    pub fn backing(&self, memory: Option<u64>) -> Option<Backing> {
        let memory = usize::try_from(memory?).unwrap_or(usize::MAX);
        Some(Backing::new(Box::new(Leaves(self.kv.clone())), memory))
    }
}

/// The leaves in a store. Only what blocks have changed is ever written there, after the tree was.
struct Leaves(Arc<dyn KvView>);

impl LeafSource for Leaves {
    fn get(&self, key: &TreeKey) -> Result<Option<Value>, StoredError> {
        metrics::counter!("weft_sequencer_state_leaves_read_total").increment(1);
        let value = self.0.get(Family::Leaf, key.as_slice());
        let value = value.inspect_err(|error| tracing::error!(%error, ?key, "state leaf"));
        let Some(value) = value.map_err(|_| StoredError::Unreadable(*key))? else { return Ok(None) };
        value.try_into().map(Some).map_err(|_| StoredError::Damaged(*key))
    }

    fn leaves(&self, path: &TreeKey, bits: u16, most: usize) -> Result<Vec<(TreeKey, Value)>, StoredError> {
        let start = Instant::now();
        let mut leaves = Vec::with_capacity(most);
        let mut damaged = false;
        let read = self.0.walk(Family::Leaf, path.as_slice(), &mut |key, value| match leaf(key, value) {
            Ok((key, value)) if leaves.len() < most && key.common_bits(path) >= bits => {
                leaves.push((key, value));
                ControlFlow::Continue(())
            }
            outcome => {
                damaged |= outcome.is_err();
                ControlFlow::Break(())
            }
        });
        metrics::counter!("weft_sequencer_state_loads_total").increment(1);
        metrics::histogram!("weft_sequencer_state_load_seconds").record(start.elapsed().as_secs_f64());
        let read = read.inspect_err(|error| tracing::error!(%error, ?path, "state leaves"));
        read.map_err(|_| StoredError::Unreadable(*path))?;
        if damaged { Err(StoredError::Damaged(*path)) } else { Ok(leaves) }
    }

    fn pin(&self) -> Box<dyn LeafSource> {
        Box::new(Self(self.0.pin()))
    }
}
