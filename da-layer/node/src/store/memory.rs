//! The store's twin in memory, for tests and for comparison.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use weft_da::{EncodedBlock, SignedHeader};
use weft_primitives::{B256, Namespace};

use super::{KeptBlob, Location, Store, StoreError};

#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) headers: Vec<SignedHeader>,
    pub(super) originals: Vec<Vec<u8>>,
    digests: Vec<Vec<u8>>,
    blobs: HashMap<(Namespace, B256), Location>,
    /// Blocks that are not whole: so many first ones, with their indices.
    pub(super) thinned: u64,
    pub(super) indices: Vec<Vec<u8>>,
    pub(super) kept: BTreeMap<(Namespace, u64, u32), (KeptBlob, Vec<u8>)>,
    pub(super) archived: u64,
}

/// Keeps everything in memory; forgets it at the end.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Blocks>);

impl MemoryStore {
    pub(super) fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Heights count from 1.
pub(super) fn at<T: Clone>(all: &[T], height: u64) -> Option<T> {
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
        for (position, entry) in (0..).zip(block.index().entries()) {
            let key = (entry.namespace, entry.hash);
            let here = blocks.blobs.get(&key).is_some_and(|place| {
                place.height > blocks.thinned || blocks.kept.contains_key(&(key.0, place.height, place.position))
            });
            if !here {
                blocks.blobs.insert(key, Location { height, position });
            }
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
        let blocks = self.blocks();
        Ok(if height > blocks.thinned { at(&blocks.originals, height) } else { None })
    }

    fn digests(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(at(&self.blocks().digests, height))
    }

    fn locate(&self, namespace: &Namespace, hash: &B256) -> Result<Option<Location>, StoreError> {
        Ok(self.blocks().blobs.get(&(*namespace, *hash)).copied())
    }
}
