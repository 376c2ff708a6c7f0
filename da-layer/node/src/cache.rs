//! Encoded blocks kept in memory, so that rows are served without encoding again. Bounded by bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use weft_da::EncodedBlock;

#[derive(Debug, Default)]
struct Entries {
    blocks: HashMap<u64, Arc<EncodedBlock>>,
    /// Oldest use first.
    order: VecDeque<u64>,
    bytes: u64,
}

/// Least recently used blocks go first.
#[derive(Debug)]
pub struct BlockCache {
    max_bytes: u64,
    entries: Mutex<Entries>,
}

fn size(block: &EncodedBlock) -> u64 {
    block.rows().matrix().len() as u64
}

impl BlockCache {
    /// A cache for `max_bytes` of rows.
    pub fn new(max_bytes: u64) -> Self {
        Self { max_bytes, entries: Mutex::default() }
    }

    /// The block at `height`, if it is here.
    pub fn get(&self, height: u64) -> Option<Arc<EncodedBlock>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let block = entries.blocks.get(&height)?.clone();
        entries.order.retain(|other| *other != height);
        entries.order.push_back(height);
        Some(block)
    }

    /// Keeps a block, at the cost of the least recently used ones.
    pub fn insert(&self, height: u64, block: Arc<EncodedBlock>) {
        let added = size(&block);
        if added > self.max_bytes {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.blocks.insert(height, block).is_some() {
            return;
        }
        entries.bytes += added;
        entries.order.push_back(height);
        while entries.bytes > self.max_bytes {
            let Some(oldest) = entries.order.pop_front() else { break };
            if let Some(block) = entries.blocks.remove(&oldest) {
                entries.bytes -= size(&block);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use weft_da::{Blob, Packed, Schedule};
    use weft_primitives::Namespace;

    #[test]
    fn stays_within_its_bytes() {
        let packed = Packed::new(&[Blob::new(Namespace::default(), b"x")], 1 << 20).unwrap();
        let block = Arc::new(EncodedBlock::encode(packed, Schedule::Sequential));
        let cache = BlockCache::new(2 * size(&block));
        cache.insert(1, block.clone());
        cache.insert(2, block.clone());
        assert!(cache.get(1).is_some());
        cache.insert(3, block.clone());
        assert!(cache.get(2).is_none(), "the least recently used goes");
        assert!(cache.get(1).is_some() && cache.get(3).is_some());
        BlockCache::new(1).insert(1, block);
    }
}
