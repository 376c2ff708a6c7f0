//! How much each namespace has stored: counted in the write that stores it, so that it survives what the blobs survive.

use std::collections::{BTreeMap, HashSet};

use weft_da::BlobEntry;
use weft_primitives::{B256, Namespace};

use super::{Location, StoreError};

/// What a namespace has here. A blob counts once, at its first place, until its bytes are removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of its blobs.
    pub bytes: u64,
    /// Number of its blobs.
    pub blobs: u64,
}

impl Usage {
    /// `bytes (8) || blobs (8)`, big-endian.
    pub(super) fn encode(self) -> [u8; 16] {
        let mut value = [0; 16];
        value[..8].copy_from_slice(&self.bytes.to_be_bytes());
        value[8..].copy_from_slice(&self.blobs.to_be_bytes());
        value
    }

    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let (bytes, blobs) = value.split_first_chunk::<8>()?;
        Some(Self { bytes: u64::from_be_bytes(*bytes), blobs: u64::from_be_bytes(blobs.try_into().ok()?) })
    }

    /// Without what was removed.
    pub(super) const fn minus(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_sub(other.bytes), blobs: self.blobs.saturating_sub(other.blobs) }
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_add(other.bytes), blobs: self.blobs.saturating_add(other.blobs) }
    }
}

/// Entries with their positions that are the first of their blob, by what is `known` from earlier blocks.
pub(super) fn fresh(
    entries: &[BlobEntry],
    known: impl Fn(&Namespace, &B256) -> Result<bool, StoreError>,
) -> Result<Vec<(u32, BlobEntry)>, StoreError> {
    let mut seen = HashSet::new();
    let mut out = Vec::with_capacity(entries.len());
    for (position, entry) in (0..).zip(entries) {
        if seen.insert((entry.namespace, entry.hash)) && !known(&entry.namespace, &entry.hash)? {
            out.push((position, *entry));
        }
    }
    Ok(out)
}

/// Entries of a block at `height` of which nothing is left when only those at `kept` positions are kept: all that have
/// their place there, not in another block.
pub(super) fn dropped(
    height: u64,
    entries: &[BlobEntry],
    kept: impl Fn(u32) -> bool,
    locate: impl Fn(&BlobEntry) -> Result<Option<Location>, StoreError>,
) -> Result<Vec<BlobEntry>, StoreError> {
    let mut out = Vec::new();
    for (position, entry) in (0..).zip(entries) {
        if !kept(position) && locate(entry)? == Some(Location { height, position }) {
            out.push(*entry);
        }
    }
    Ok(out)
}

/// What entries add to each namespace.
pub(super) fn tally<'a>(entries: impl Iterator<Item = &'a BlobEntry>) -> BTreeMap<Namespace, Usage> {
    let mut sums = BTreeMap::<Namespace, Usage>::new();
    for entry in entries {
        let sum = sums.entry(entry.namespace).or_default();
        *sum = sum.plus(Usage { bytes: entry.length, blobs: 1 });
    }
    sums
}
