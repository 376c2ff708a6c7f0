//! The store's twin in memory, for tests and for comparison.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use weft_da::custody::Certificate;
use weft_da::{EncodedBlock, RowProof, SignedHeader};
use weft_primitives::{B256, Namespace};

use super::{Complete, KeptBlob, Location, Store, StoreError, Usage, usage};

#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) headers: Vec<SignedHeader>,
    pub(super) originals: BTreeMap<u64, Vec<u8>>,
    pub(super) digests: BTreeMap<u64, Vec<u8>>,
    pub(super) blobs: HashMap<(Namespace, B256), Location>,
    pub(super) indices: BTreeMap<u64, Vec<u8>>,
    pub(super) usage: HashMap<Namespace, Usage>,
    /// The last height without rows.
    pub(super) thinned: u64,
    pub(super) kept: BTreeMap<(Namespace, u64, u32), (KeptBlob, Vec<u8>)>,
    pub(super) archived: u64,
    pub(super) rows: BTreeMap<(u64, u32), RowProof>,
    pub(super) certificates: BTreeMap<u64, Certificate>,
    pub(super) complete: Option<Complete>,
}

/// Keeps everything in memory; forgets it at the end.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Blocks>);

impl MemoryStore {
    pub(super) fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blocks {
    pub(super) fn push(&mut self, header: &SignedHeader) -> Result<u64, StoreError> {
        let (latest, height) = (self.headers.len() as u64, header.header.height);
        if height != latest + 1 {
            return Err(StoreError::Gap { got: height, latest });
        }
        self.headers.push(*header);
        Ok(height)
    }

    /// Whether a blob's bytes are here.
    fn has(&self, namespace: &Namespace, hash: &B256) -> bool {
        self.blobs.get(&(*namespace, *hash)).is_some_and(|place| {
            place.height > self.thinned || self.kept.contains_key(&(*namespace, place.height, place.position))
        })
    }
}

impl Store for MemoryStore {
    fn stage(&self, height: u64, originals: &[u8]) -> Result<(), StoreError> {
        let mut blocks = self.blocks();
        let latest = blocks.headers.len() as u64;
        if height != latest + 1 {
            return Err(StoreError::Gap { got: height, latest });
        }
        blocks.originals.insert(height, originals.to_vec());
        Ok(())
    }

    fn append(&self, header: &SignedHeader, block: &EncodedBlock) -> Result<(), StoreError> {
        self.stage(header.header.height, block.rows().originals())?;
        self.append_staged(header, block)
    }

    fn append_staged(&self, header: &SignedHeader, block: &EncodedBlock) -> Result<(), StoreError> {
        let mut blocks = self.blocks();
        let height = blocks.push(header)?;
        blocks.digests.insert(height, block.rows().digest_bytes().to_vec());
        blocks.indices.insert(height, block.index().encode());
        let known = |namespace: &Namespace, hash: &B256| Ok(blocks.has(namespace, hash));
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
        let at = height.checked_sub(1).and_then(|at| usize::try_from(at).ok());
        Ok(at.and_then(|at| self.blocks().headers.get(at).copied()))
    }

    fn originals(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.blocks().originals.get(&height).cloned())
    }

    fn digests(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.blocks().digests.get(&height).cloned())
    }

    fn locate(&self, namespace: &Namespace, hash: &B256) -> Result<Option<Location>, StoreError> {
        Ok(self.blocks().blobs.get(&(*namespace, *hash)).copied())
    }

    fn index(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.blocks().indices.get(&height).cloned())
    }

    fn usage(&self, namespace: &Namespace) -> Result<Usage, StoreError> {
        Ok(self.blocks().usage.get(namespace).copied().unwrap_or_default())
    }
}
