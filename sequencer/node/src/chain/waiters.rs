//! Callers that wait until a transaction is in a durable block.
//!
//! At most `max_waiters` of them; one that goes away leaves nothing behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use weft_primitives::B256;

#[derive(Debug, Default)]
struct Waiting {
    /// By transaction, then by waiter.
    by_hash: HashMap<B256, HashMap<u64, oneshot::Sender<()>>>,
    /// Of all transactions together.
    count: usize,
    next_id: u64,
}

/// All who wait.
#[derive(Debug)]
pub(super) struct Waiters {
    most: usize,
    waiting: Arc<Mutex<Waiting>>,
}

/// One who waits.
#[derive(Debug)]
pub struct Waiter {
    waiting: Arc<Mutex<Waiting>>,
    hash: B256,
    id: u64,
    told: oneshot::Receiver<()>,
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Waiters {
    pub(super) fn new(most: usize) -> Self {
        Self { most, waiting: Arc::default() }
    }

    /// `None` if too many wait already.
    pub(super) fn add(&self, hash: B256) -> Option<Waiter> {
        let mut waiting = lock(&self.waiting);
        if waiting.count >= self.most {
            return None;
        }
        let id = waiting.next_id;
        let (sender, told) = oneshot::channel();
        waiting.next_id += 1;
        waiting.count += 1;
        waiting.by_hash.entry(hash).or_default().insert(id, sender);
        Some(Waiter { waiting: self.waiting.clone(), hash, id, told })
    }

    /// Tells those who wait for one of these.
    pub(super) fn tell(&self, hashes: impl IntoIterator<Item = B256>) {
        let mut waiting = lock(&self.waiting);
        for hash in hashes {
            if waiting.count == 0 {
                return;
            }
            let Some(all) = waiting.by_hash.remove(&hash) else { continue };
            waiting.count -= all.len();
            for sender in all.into_values() {
                // Whoever waited may be going away just now.
                let _ = sender.send(());
            }
        }
    }
}

impl Waiter {
    /// Returns once the transaction is in a durable block; false if the sequencer ends first.
    pub async fn included(&mut self) -> bool {
        (&mut self.told).await.is_ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = lock(&self.waiting);
        let Some(all) = waiting.by_hash.get_mut(&self.hash) else { return };
        let was_there = all.remove(&self.id).is_some();
        if all.is_empty() {
            waiting.by_hash.remove(&self.hash);
        }
        waiting.count -= usize::from(was_there);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ONE: B256 = B256::repeat_byte(1);
    const TWO: B256 = B256::repeat_byte(2);

    #[test]
    fn bounded_over_all_transactions_and_nothing_stays_behind() {
        let waiters = Waiters::new(3);
        let kept = waiters.add(ONE).unwrap();
        // One who asks again and again for the same transaction.
        for _ in 0..100 {
            drop(waiters.add(ONE).unwrap());
        }
        let others = [waiters.add(ONE).unwrap(), waiters.add(TWO).unwrap()];
        assert!(waiters.add(TWO).is_none());
        let held = || {
            let waiting = lock(&waiters.waiting);
            (waiting.count, waiting.by_hash.len())
        };
        drop(others);
        assert_eq!(held(), (1, 1));
        waiters.tell([TWO, ONE]);
        drop(kept);
        assert_eq!(held(), (0, 0));
    }

    #[tokio::test]
    async fn all_who_wait_for_it_are_told() {
        let waiters = Waiters::new(8);
        let (mut first, mut second, mut other) =
            (waiters.add(ONE).unwrap(), waiters.add(ONE).unwrap(), waiters.add(TWO).unwrap());
        waiters.tell([ONE]);
        assert!(first.included().await && second.included().await);
        drop(waiters);
        // Still open: the waiter itself holds what it waits in.
        let waited = tokio::time::timeout(std::time::Duration::from_millis(5), other.included()).await;
        assert!(waited.is_err());
    }
}
