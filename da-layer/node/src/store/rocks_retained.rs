//! What stays of thinned blocks, on RocksDB.

use rocksdb::{BottommostLevelCompaction, CompactOptions, Direction, IteratorMode, WriteBatch};
use weft_da::{BlobEntry, BlobIndex};
use weft_primitives::Namespace;

use super::keys::{self, ALL, ARCHIVED, FIRST_WHOLE, KEPT, KEPT_DATA, KEPT_USAGE, ORIGINALS, ROWS, STATE, USAGE};
use super::retained::{Freed, KeptBlob, Retained};
use super::rocks::synced;
use super::{Location, RocksStore, Store, StoreError, Usage, usage};

/// Share of dead bytes in the files of kept blobs above which those that live are copied.
const MAX_DEAD_PERCENT: u64 = 40;

fn damaged(height: u64, what: &'static str) -> StoreError {
    StoreError::Damaged { height, what }
}

fn u64s<const N: usize>(value: &[u8]) -> Option<[u64; N]> {
    let mut out = [0; N];
    if value.len() != N * 8 {
        return None;
    }
    for (number, bytes) in out.iter_mut().zip(value.chunks_exact(8)) {
        *number = u64::from_be_bytes(bytes.try_into().ok()?);
    }
    Some(out)
}

fn pair(first: u64, second: u64) -> [u8; 16] {
    let mut value = [0; 16];
    value[..8].copy_from_slice(&first.to_be_bytes());
    value[8..].copy_from_slice(&second.to_be_bytes());
    value
}

impl RocksStore {
    pub(super) fn number(&self, name: &[u8], default: u64) -> Result<u64, StoreError> {
        let Some(value) = self.get(STATE, name)? else { return Ok(default) };
        u64s::<1>(&value).map(|[number]| number).ok_or(damaged(0, "a number of the store's state does not decode"))
    }

    fn kept_usage(&self, namespace: &Namespace) -> Result<Usage, StoreError> {
        self.get(KEPT_USAGE, namespace.as_bytes())?.map_or(Ok(Usage::default()), |value| decode_usage(&value))
    }

    fn put_usage(&self, batch: &mut WriteBatch, family: &str, namespace: &Namespace, usage: Usage) {
        if usage.blobs == 0 {
            batch.delete_cf(self.family(family), namespace.as_bytes());
        } else {
            batch.put_cf(self.family(family), namespace.as_bytes(), usage.encode());
        }
    }
}

impl RocksStore {
    fn compact(&self, family: &str) {
        let mut options = CompactOptions::default();
        options.set_exclusive_manual_compaction(false);
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        self.db.compact_range_cf_opt(self.family(family), None::<&[u8]>, None::<&[u8]>, &options);
    }

    /// Whether a compaction of kept blobs writes those that live into new files.
    fn copy_live(&self, on: bool) -> Result<(), StoreError> {
        let on = if on { "true" } else { "false" };
        let options = [("enable_blob_garbage_collection", on), ("blob_garbage_collection_age_cutoff", "1.0")];
        Ok(self.db.set_options_cf(self.family(KEPT_DATA), &options)?)
    }
}

fn decode_usage(value: &[u8]) -> Result<Usage, StoreError> {
    Usage::decode(value).ok_or(damaged(0, "usage of a namespace is damaged"))
}

fn decode_kept(key: &[u8], value: &[u8]) -> Option<KeptBlob> {
    let [length, time_ms] = u64s::<2>(value)?;
    Some(KeptBlob { location: Location::decode(key.get(32..)?)?, length, time_ms })
}

impl Retained for RocksStore {
    fn first_whole(&self) -> Result<u64, StoreError> {
        self.number(FIRST_WHOLE, weft_da::header::FIRST_HEIGHT)
    }

    fn thin(&self, height: u64, time_ms: u64, index: &BlobIndex, kept: &[(u32, &[u8])]) -> Result<Freed, StoreError> {
        let first = self.first_whole()?;
        if height != first {
            return Err(StoreError::Gap { got: height, latest: first.saturating_sub(1) });
        }
        let mut batch = WriteBatch::default();
        batch.delete_cf(self.family(ORIGINALS), keys::height(height));
        let mut entries = Vec::with_capacity(kept.len());
        for (position, data) in kept {
            let entry = index.entries().get(*position as usize).ok_or(damaged(height, "no such blob in the index"))?;
            let location = Location { height, position: *position };
            batch.put_cf(self.family(KEPT), keys::kept(&entry.namespace, location), pair(entry.length, time_ms));
            batch.put_cf(self.family(KEPT_DATA), location.encode(), data);
            entries.push(*entry);
        }
        for (namespace, added) in usage::tally(entries.iter()) {
            self.put_usage(&mut batch, KEPT_USAGE, &namespace, self.kept_usage(&namespace)?.plus(added));
        }
        let is_kept = |position| kept.iter().any(|(other, _)| *other == position);
        let locate = |entry: &BlobEntry| self.locate(&entry.namespace, &entry.hash);
        let freed = usage::tally(usage::dropped(height, index.entries(), is_kept, locate)?.iter());
        for (namespace, gone) in &freed {
            self.put_usage(&mut batch, USAGE, namespace, self.usage(namespace)?.minus(*gone));
        }
        batch.put_cf(self.family(STATE), FIRST_WHOLE, (height + 1).to_be_bytes());
        self.db.write_opt(batch, &synced())?;
        Ok(freed)
    }

    fn thin_share(&self, height: u64) -> Result<(), StoreError> {
        let first = self.first_whole()?;
        if height != first {
            return Err(StoreError::Gap { got: height, latest: first.saturating_sub(1) });
        }
        let mut batch = WriteBatch::default();
        batch.delete_range_cf(self.family(ROWS), keys::row(height, 0), keys::row(height + 1, 0));
        batch.put_cf(self.family(STATE), FIRST_WHOLE, keys::height(height + 1));
        Ok(self.db.write_opt(batch, &synced())?)
    }

    fn kept(&self, location: Location) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(KEPT_DATA, &location.encode())
    }

    fn is_kept(&self, namespace: &Namespace, location: Location) -> Result<bool, StoreError> {
        Ok(self.get(KEPT, &keys::kept(namespace, location))?.is_some())
    }

    fn namespaces(&self, from: &Namespace, limit: usize) -> Result<Vec<(Namespace, Usage)>, StoreError> {
        let start = IteratorMode::From(from.as_bytes(), Direction::Forward);
        let entries = self.db.iterator_cf(self.family(KEPT_USAGE), start).take(limit);
        entries
            .map(|entry| {
                let (key, value) = entry?;
                let name = <[u8; 32]>::try_from(&*key).map_err(|_| damaged(0, "key of a usage is no namespace"))?;
                Ok((Namespace(name), decode_usage(&value)?))
            })
            .collect()
    }

    fn oldest_kept(&self, namespace: &Namespace, limit: usize) -> Result<Vec<KeptBlob>, StoreError> {
        let start = IteratorMode::From(namespace.as_bytes(), Direction::Forward);
        let mut out = Vec::new();
        for entry in self.db.iterator_cf(self.family(KEPT), start).take(limit) {
            let (key, value) = entry?;
            if !key.starts_with(namespace.as_bytes()) {
                break;
            }
            out.push(decode_kept(&key, &value).ok_or(damaged(0, "entry of a kept blob does not decode"))?);
        }
        Ok(out)
    }

    fn forget(&self, namespace: &Namespace, blobs: &[KeptBlob]) -> Result<Usage, StoreError> {
        let mut gone = Usage::default();
        let mut batch = WriteBatch::default();
        for blob in blobs {
            if !self.is_kept(namespace, blob.location)? {
                continue;
            }
            batch.delete_cf(self.family(KEPT), keys::kept(namespace, blob.location));
            batch.delete_cf(self.family(KEPT_DATA), blob.location.encode());
            gone = gone.plus(Usage { bytes: blob.length, blobs: 1 });
        }
        self.put_usage(&mut batch, KEPT_USAGE, namespace, self.kept_usage(namespace)?.minus(gone));
        self.put_usage(&mut batch, USAGE, namespace, self.usage(namespace)?.minus(gone));
        self.db.write(batch)?;
        Ok(gone)
    }

    /// Values lie in blob files, which go when no key leads into them any more. Keys are small, so that compacting them
    /// costs little; without it nothing would move in a family that is only appended to. Blocks leave in the order in
    /// which they came, so their files die whole; of kept blobs those that live are copied once so much of all is dead.
    fn reclaim(&self) -> Result<(), StoreError> {
        // The log of writes goes only when it is in no family's memory any more.
        for family in ALL {
            self.db.flush_cf(self.family(family))?;
        }
        self.compact(ORIGINALS);
        self.compact(ROWS);
        self.compact(KEPT_DATA);
        let size = |name: &str| self.db.property_int_value_cf(self.family(KEPT_DATA), name);
        let (all, dead) = (size("rocksdb.live-blob-file-size")?, size("rocksdb.live-blob-file-garbage-size")?);
        if dead.unwrap_or(0).saturating_mul(100) > all.unwrap_or(0).saturating_mul(MAX_DEAD_PERCENT) {
            self.copy_live(true)?;
            self.compact(KEPT_DATA);
            self.copy_live(false)?;
        }
        Ok(())
    }

    fn archived(&self) -> Result<u64, StoreError> {
        self.number(ARCHIVED, 0)
    }

    /// Not synced: writes keep their order, so a synced one that relies on the mark takes it along.
    fn set_archived(&self, height: u64) -> Result<(), StoreError> {
        if height > self.latest()?.map_or(0, |latest| latest.header.height) {
            return Err(damaged(height, "the archive cannot be ahead of the store"));
        }
        Ok(self.db.put_cf(self.family(STATE), ARCHIVED, height.to_be_bytes())?)
    }
}
