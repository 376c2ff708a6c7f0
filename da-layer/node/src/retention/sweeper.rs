//! Carries the rules out: one block thinned, or some blobs removed, a turn.
//!
//! Invariant: a turn makes one write. Whatever was done before is in the store,
//! so a sweeper that is made anew goes on where another was cut off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use weft_da::{BlobIndex, SignedHeader};
use weft_primitives::Namespace;
use weft_service::clock::Clock;

use super::Retention;
use super::rule::age_ms;
use crate::policy::Gate;
use crate::store::{Location, Store, StoreError};

/// Blobs removed in one turn.
pub const MAX_REMOVED: usize = 256;

/// Namespaces looked at in one turn.
const MAX_NAMESPACES: usize = 256;

/// Bytes removed after which disk space is given back at once.
const RECLAIM_BYTES: u64 = 256 << 20;

/// Time after which it is given back for less.
const RECLAIM_PAUSE: Duration = Duration::from_secs(600);

/// What a turn did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A block left the sampling window.
    Thinned(u64),
    /// Blobs were removed, so many.
    Removed(usize),
    /// More namespaces are to be looked at.
    Looked,
    /// Nothing is to be done now.
    Idle,
}

/// Thins blocks and removes blobs.
pub struct Sweeper {
    store: Arc<dyn Store>,
    policy: Retention,
    clock: Arc<dyn Clock>,
    next_namespace: Namespace,
    removed_bytes: u64,
    reclaimed: Instant,
    /// Who counts what namespaces have.
    gate: Option<Arc<Gate>>,
    /// Where several nodes share the rows: up to which height they have them.
    certified: Option<watch::Receiver<u64>>,
}

impl Sweeper {
    /// A sweeper of `store`.
    pub fn new(store: Arc<dyn Store>, policy: Retention, clock: Arc<dyn Clock>) -> Self {
        let (next_namespace, removed_bytes, reclaimed) = (Namespace::default(), 0, Instant::now());
        Self { store, policy, clock, next_namespace, removed_bytes, reclaimed, gate: None, certified: None }
    }

    /// What is removed no longer counts against quotas.
    pub fn telling(self, gate: Arc<Gate>) -> Self {
        Self { gate: Some(gate), ..self }
    }

    /// Blocks above the certified height stay whole: others still have to get their share of them.
    pub fn within_certified(self, certified: watch::Receiver<u64>) -> Self {
        Self { certified: Some(certified), ..self }
    }

    /// The next block that has left the window, if there is one. With an archive the caller sees to it that it is there.
    pub fn due(&self) -> Result<Option<SignedHeader>, StoreError> {
        let Some(window_ms) = self.policy.window_ms else { return Ok(None) };
        let first_whole = self.store.first_whole()?;
        if self.certified.as_ref().is_some_and(|certified| *certified.borrow() < first_whole) {
            return Ok(None);
        }
        let header = self.store.header(first_whole)?;
        Ok(header.filter(|signed| age_ms(self.clock.now_ms(), signed.header.time_ms) > window_ms))
    }

    /// Drops the rows of the block that was due.
    pub fn thin(&mut self, signed: &SignedHeader) -> Result<Turn, StoreError> {
        let header = &signed.header;
        let height = header.height;
        let damaged = |what| StoreError::Damaged { height, what };
        let Some(originals) = self.store.originals(height)? else { return self.thin_share(height) };
        let index = BlobIndex::verify(header, &originals).map_err(|_| damaged("blob index is not the header's"))?;
        let positions = self.worth_keeping(header.time_ms, height, &index)?;
        let mut kept = Vec::with_capacity(positions.len());
        for position in positions {
            let data = index.entries()[position as usize].open(&originals);
            kept.push((position, data.map_err(|_| damaged("blob is not at its place"))?));
        }
        let freed = self.store.thin(height, header.time_ms, &index, &kept)?;
        if let Some(gate) = &self.gate {
            freed.keys().for_each(|namespace| gate.release(namespace));
        }
        self.removed_bytes += originals.len() as u64;
        metrics::counter!("weft_da_blocks_thinned_total").increment(1);
        self.report()?;
        Ok(Turn::Thinned(height))
    }

    /// The same where others have the rest of the rows.
    fn thin_share(&mut self, height: u64) -> Result<Turn, StoreError> {
        self.store.thin_share(height)?;
        metrics::counter!("weft_da_blocks_thinned_total").increment(1);
        self.report()?;
        Ok(Turn::Thinned(height))
    }

    /// Sets the metric that says from which height on blocks are whole.
    pub fn report(&self) -> Result<(), StoreError> {
        metrics::gauge!("weft_da_first_whole_height").set(self.store.first_whole()? as f64);
        Ok(())
    }

    /// Positions in the index, in order. A blob that has another place, because it was put again, is not kept here.
    fn worth_keeping(&self, time_ms: u64, height: u64, index: &BlobIndex) -> Result<Vec<u32>, StoreError> {
        let now_ms = self.clock.now_ms();
        let mut kept = Vec::new();
        for (position, entry) in (0u32..).zip(index.entries()) {
            let place = self.store.locate(&entry.namespace, &entry.hash)?;
            let takes = self.policy.rule(&entry.namespace).takes(now_ms, time_ms, entry.length);
            if takes && place == Some(Location { height, position }) {
                kept.push(position);
            }
        }
        Ok(kept)
    }

    /// Removes blobs that their rule does not keep, in the first namespace that has some.
    pub fn expire(&mut self) -> Result<Turn, StoreError> {
        let now_ms = self.clock.now_ms();
        let page = self.store.namespaces(&self.next_namespace, MAX_NAMESPACES)?;
        for (namespace, usage) in &page {
            let rule = self.policy.rule(namespace);
            if rule.max_age_ms.is_none() && rule.max_bytes.is_none_or(|max| usage.bytes <= max) {
                continue;
            }
            let oldest = self.store.oldest_kept(namespace, MAX_REMOVED)?;
            let times = oldest.iter().map(|blob| (blob.time_ms, blob.length));
            let gone = &oldest[..rule.expired(now_ms, usage.bytes, times)];
            if !gone.is_empty() {
                self.store.forget(namespace, gone)?;
                self.gate.iter().for_each(|gate| gate.release(namespace));
                self.next_namespace = *namespace;
                self.removed_bytes += gone.iter().map(|blob| blob.length).sum::<u64>();
                metrics::counter!("weft_da_blobs_pruned_total").increment(gone.len() as u64);
                return Ok(Turn::Removed(gone.len()));
            }
        }
        let following = page.last().filter(|_| page.len() == MAX_NAMESPACES).and_then(|(last, _)| following(last));
        self.next_namespace = following.unwrap_or_default();
        Ok(if following.is_some() { Turn::Looked } else { Turn::Idle })
    }

    /// Gives disk space back, once that is worth the work.
    pub fn reclaim_if_due(&mut self) -> Result<(), StoreError> {
        let rested = self.removed_bytes > 0 && self.reclaimed.elapsed() >= RECLAIM_PAUSE;
        if rested || self.removed_bytes >= RECLAIM_BYTES {
            self.reclaim()?;
        }
        Ok(())
    }

    /// Gives disk space back now.
    pub fn reclaim(&mut self) -> Result<(), StoreError> {
        self.store.reclaim()?;
        (self.removed_bytes, self.reclaimed) = (0, Instant::now());
        Ok(())
    }
}

/// The namespace after this one.
fn following(namespace: &Namespace) -> Option<Namespace> {
    let mut bytes = namespace.0;
    for byte in bytes.iter_mut().rev() {
        let (sum, carry) = byte.overflowing_add(1);
        *byte = sum;
        if !carry {
            return Some(Namespace(bytes));
        }
    }
    None
}
