//! What one namespace has stored, and what of it is on its way. Pure.
//!
//! Invariant: `pending_bytes` is the length of each distinct blob on its way
//! that is not stored yet, counted once however often it is put at once. So a
//! repeated put never needs quota of its own, and none is lost or given twice
//! whatever order puts begin, end and fail in.

use std::collections::HashMap;

use weft_primitives::B256;

use super::bucket::Bucket;
use super::rules::Policy;
use crate::config::Limits;

/// A blob as it was announced: a wrong length makes another blob of it, so it cannot hide the length of the right one.
pub(super) type Key = (B256, u64);

/// Puts of one blob on their way.
#[derive(Debug)]
struct Puts {
    count: u64,
    /// Whether its length is part of `pending_bytes`.
    counted: bool,
}

/// One namespace's counts.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) stored_bytes: u64,
    pending: HashMap<Key, Puts>,
    pending_bytes: u64,
    pub(super) waiting_bytes: u64,
    pub(super) waiting_blobs: u64,
    bytes: Option<Bucket>,
    puts: Option<Bucket>,
}

impl Account {
    /// Nothing on its way, rates at rest.
    pub(super) fn new(stored_bytes: u64, policy: &Policy, limits: &Limits, now_ms: u64) -> Self {
        Self {
            stored_bytes,
            pending: HashMap::new(),
            pending_bytes: 0,
            waiting_bytes: 0,
            waiting_blobs: 0,
            bytes: policy.byte_rate(limits).map(|rate| Bucket::new(rate, now_ms)),
            puts: policy.put_rate().map(|rate| Bucket::new(rate, now_ms)),
        }
    }

    /// Goes on under another policy.
    pub(super) fn retune(&mut self, policy: &Policy, limits: &Limits, now_ms: u64) {
        let tuned = |bucket: &mut Option<Bucket>, rate: Option<(u64, u64)>| {
            *bucket = match (bucket.take(), rate) {
                (Some(mut bucket), Some(rate)) => {
                    bucket.retune(rate, now_ms);
                    Some(bucket)
                }
                (_, rate) => rate.map(|rate| Bucket::new(rate, now_ms)),
            };
        };
        tuned(&mut self.bytes, policy.byte_rate(limits));
        tuned(&mut self.puts, policy.put_rate());
    }

    /// Whether this blob is on its way already.
    pub(super) fn has_pending(&self, key: &Key) -> bool {
        self.pending.contains_key(key)
    }

    /// What counts against the quota: stored, and on its way.
    pub(super) fn used_bytes(&self) -> u64 {
        self.stored_bytes.saturating_add(self.pending_bytes)
    }

    /// Milliseconds until a put of `length` bytes is within its rates.
    pub(super) fn wait_ms(&mut self, length: u64, now_ms: u64) -> u64 {
        let bytes = self.bytes.as_mut().map_or(0, |bucket| bucket.wait_ms(length, now_ms));
        let puts = self.puts.as_mut().map_or(0, |bucket| bucket.wait_ms(1, now_ms));
        bytes.max(puts)
    }

    /// Takes a put in; `stored` if its blob is in the store.
    pub(super) fn begin(&mut self, key: Key, stored: bool) {
        let (_, length) = key;
        if let Some(bucket) = &mut self.bytes {
            bucket.take(length);
        }
        if let Some(bucket) = &mut self.puts {
            bucket.take(1);
        }
        self.waiting_bytes += length;
        self.waiting_blobs += 1;
        match self.pending.get_mut(&key) {
            Some(puts) => puts.count += 1,
            None => {
                self.pending.insert(key, Puts { count: 1, counted: !stored });
                if !stored {
                    self.pending_bytes += length;
                }
            }
        }
    }

    /// A blob became durable for the first time.
    pub(super) fn store(&mut self, key: Key) {
        self.stored_bytes = self.stored_bytes.saturating_add(key.1);
        if let Some(puts) = self.pending.get_mut(&key)
            && puts.counted
        {
            puts.counted = false;
            self.pending_bytes -= key.1;
        }
    }

    /// A put has ended, one way or the other.
    pub(super) fn end(&mut self, key: &Key) {
        self.waiting_bytes = self.waiting_bytes.saturating_sub(key.1);
        self.waiting_blobs = self.waiting_blobs.saturating_sub(1);
        let Some(puts) = self.pending.get_mut(key) else { return };
        puts.count -= 1;
        if puts.count == 0 {
            if puts.counted {
                self.pending_bytes -= key.1;
            }
            self.pending.remove(key);
        }
    }

    /// Whether nothing is lost by forgetting it: the store knows the rest.
    pub(super) fn is_idle(&mut self, now_ms: u64) -> bool {
        let full = |bucket: &mut Option<Bucket>| bucket.as_mut().is_none_or(|bucket| bucket.is_full(now_ms));
        self.waiting_blobs == 0 && full(&mut self.bytes) && full(&mut self.puts)
    }
}
