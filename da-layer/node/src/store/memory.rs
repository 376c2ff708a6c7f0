//! The store's twin in memory, for tests and for comparison.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use weft_da::{EncodedBlock, SignedHeader};
use weft_primitives::{B256, Namespace};

use super::{Location, Store, StoreError, Usage, usage};

#[derive(Debug, Default)]
struct Blocks {
    headers: Vec<SignedHeader>,
    originals: Vec<Vec<u8>>,
    digests: Vec<Vec<u8>>,
    blobs: HashMap<(Namespace, B256), Location>,
    indexes: Vec<Vec<u8>>,
    usage: HashMap<Namespace, Usage>,
}

/// Keeps everything in memory; forgets it at the end.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Blocks>);

impl MemoryStore {
    fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Heights count from 1.
fn at<T: Clone>(all: &[T], height: u64) -> Option<T> {
    all.get(usize::try_from(height.checked_sub(1)?).ok()?).cloned()
}

impl Store for MemoryStore {
    fn append(&self, header: &SignedHeader, block: &EncodedBlock) -> Result<(), StoreError> {
        let mut blocks = self.blocks();
        let (latest, height) = (blocks.headers.len() as u64, header.header.height);
        if height != latest + 1 {
            return Err(StoreError::Gap { got: height, latest });
        }
        blocks.headers.push(*header);
        blocks.originals.push(block.rows().originals().to_vec());
        blocks.digests.push(block.rows().digest_bytes().to_vec());
        blocks.indexes.push(block.index().encode());
        let known = |namespace: &Namespace, hash: &B256| Ok(blocks.blobs.contains_key(&(*namespace, *hash)));
        let fresh = usage::fresh(block.index().entries(), known)?;
        for (namespace, added) in usage::tally(fresh.iter().map(|(_, entry)| entry)) {
            let usage = blocks.usage.entry(namespace).or_default();
            *usage = usage.plus(added);
        }
        for (position, entry) in fresh {
            blocks.blobs.insert((entry.namespace, entry.hash), Location { height, position });
        }
        Ok(())
    }

    fn latest(&self) -> Result<Option<SignedHeader>, StoreError> {
        Ok(self.blocks().headers.last().copied())
    }

    fn header(&self, height: u64) -> Result<Option<SignedHeader>, StoreError> {
        Ok(at(&self.blocks().headers, height))
    }

    fn originals(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(at(&self.blocks().originals, height))
    }

    fn digests(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(at(&self.blocks().digests, height))
    }

    fn locate(&self, namespace: &Namespace, hash: &B256) -> Result<Option<Location>, StoreError> {
        Ok(self.blocks().blobs.get(&(*namespace, *hash)).copied())
    }

    fn index(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(at(&self.blocks().indexes, height))
    }

    fn usage(&self, namespace: &Namespace) -> Result<Usage, StoreError> {
        Ok(self.blocks().usage.get(namespace).copied().unwrap_or_default())
    }
}
