//! What stays of thinned blocks, in memory.

use weft_da::{BlobEntry, BlobIndex};
use weft_primitives::Namespace;

use super::retained::{Freed, KeptBlob, Retained};
use super::{Location, MemoryStore, StoreError, Usage, usage};

impl Retained for MemoryStore {
    fn first_whole(&self) -> Result<u64, StoreError> {
        Ok(self.blocks().thinned + 1)
    }

    fn thin(&self, height: u64, time_ms: u64, index: &BlobIndex, kept: &[(u32, &[u8])]) -> Result<Freed, StoreError> {
        let mut blocks = self.blocks();
        if height != blocks.thinned + 1 || height > blocks.headers.len() as u64 {
            return Err(StoreError::Gap { got: height, latest: blocks.thinned });
        }
        for (position, data) in kept {
            let entry = index.entries()[*position as usize];
            let blob = KeptBlob { location: Location { height, position: *position }, length: entry.length, time_ms };
            blocks.kept.insert((entry.namespace, height, *position), (blob, data.to_vec()));
        }
        let is_kept = |position| kept.iter().any(|(other, _)| *other == position);
        let locate = |entry: &BlobEntry| Ok(blocks.blobs.get(&(entry.namespace, entry.hash)).copied());
        let freed = usage::tally(usage::dropped(height, index.entries(), is_kept, locate)?.iter());
        for (namespace, gone) in &freed {
            let usage = blocks.usage.entry(*namespace).or_default();
            *usage = usage.minus(*gone);
        }
        blocks.originals.remove(&height);
        blocks.thinned = height;
        Ok(freed)
    }

    fn thin_share(&self, height: u64) -> Result<(), StoreError> {
        let mut blocks = self.blocks();
        if height != blocks.thinned + 1 {
            return Err(StoreError::Gap { got: height, latest: blocks.thinned });
        }
        blocks.rows.retain(|(of, _), _| *of != height);
        blocks.thinned = height;
        Ok(())
    }

    fn kept(&self, location: Location) -> Result<Option<Vec<u8>>, StoreError> {
        let blocks = self.blocks();
        Ok(blocks.kept.values().find(|(blob, _)| blob.location == location).map(|(_, data)| data.clone()))
    }

    fn is_kept(&self, namespace: &Namespace, location: Location) -> Result<bool, StoreError> {
        Ok(self.blocks().kept.contains_key(&(*namespace, location.height, location.position)))
    }

    fn namespaces(&self, from: &Namespace, limit: usize) -> Result<Vec<(Namespace, Usage)>, StoreError> {
        let mut all = std::collections::BTreeMap::<Namespace, Usage>::new();
        for ((namespace, _, _), (blob, _)) in &self.blocks().kept {
            let usage = all.entry(*namespace).or_default();
            usage.bytes += blob.length;
            usage.blobs += 1;
        }
        Ok(all.range(*from..).take(limit).map(|(namespace, usage)| (*namespace, *usage)).collect())
    }

    fn oldest_kept(&self, namespace: &Namespace, limit: usize) -> Result<Vec<KeptBlob>, StoreError> {
        let blocks = self.blocks();
        let range = blocks.kept.range((*namespace, 0, 0)..=(*namespace, u64::MAX, u32::MAX));
        Ok(range.take(limit).map(|(_, (blob, _))| *blob).collect())
    }

    fn forget(&self, namespace: &Namespace, blobs: &[KeptBlob]) -> Result<Usage, StoreError> {
        let mut blocks = self.blocks();
        let mut gone = Usage::default();
        for blob in blobs {
            if blocks.kept.remove(&(*namespace, blob.location.height, blob.location.position)).is_some() {
                gone = gone.plus(Usage { bytes: blob.length, blobs: 1 });
            }
        }
        let usage = blocks.usage.entry(*namespace).or_default();
        *usage = usage.minus(gone);
        Ok(gone)
    }

    fn reclaim(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn archived(&self) -> Result<u64, StoreError> {
        Ok(self.blocks().archived)
    }

    fn set_archived(&self, height: u64) -> Result<(), StoreError> {
        let mut blocks = self.blocks();
        if height > blocks.headers.len() as u64 {
            return Err(StoreError::Damaged { height, what: "the archive cannot be ahead of the store" });
        }
        blocks.archived = height;
        Ok(())
    }
}
