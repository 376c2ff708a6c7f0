//! Blocks that were taken back lately, so that whoever was given them can be told.
//!
//! [`Removed`] keeps them in memory: the last [`MAX_ROLLBACKS`] times that it happened, and of these the events, as far
//! as [`MAX_BYTES`] go. A [`Reader`] is somebody's place in the chain. It knows which times it has not been told of yet;
//! if one of them is forgotten, it is told that instead. Deliberately absent: anything on disk, because whoever reads
//! does not outlive the process either.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Chain, FullBlock};
use crate::store::{ChainStore, StoreError};

/// Times that are remembered.
const MAX_ROLLBACKS: usize = 64;

/// Memory for events, in bytes as estimated.
const MAX_BYTES: usize = 32 << 20;

/// Memory of a block, of a receipt and of an event, besides their data.
const BLOCK_BYTES: usize = 1_024;
const RECEIPT_BYTES: usize = 512;
const LOG_BYTES: usize = 256;

/// Blocks that were taken back together.
#[derive(Debug)]
pub(super) struct Rollback {
    /// The last block that stands.
    to: u64,
    /// Those after it that had events, the newest first, without their transactions; `None` if that is too much.
    with_events: Option<Vec<FullBlock>>,
    bytes: usize,
}

impl Rollback {
    /// Of the blocks after `to`, up to `latest`, while they are still there.
    pub(super) fn read(store: &ChainStore, to: u64, latest: u64) -> Result<Self, StoreError> {
        let (mut found, mut bytes) = (Vec::new(), 0);
        for number in (to + 1..=latest).rev() {
            let mut block = store.block(number)?.ok_or(StoreError::Damaged { what: "block" })?;
            if block.header.logs_bloom.is_zero() {
                continue;
            }
            let receipts = store.receipts(number)?.ok_or(StoreError::Damaged { what: "receipts" })?;
            block.body.transactions = Vec::new();
            let full = FullBlock { block, receipts };
            bytes += memory(&full);
            if bytes > MAX_BYTES {
                return Ok(Self { to, with_events: None, bytes: 0 });
            }
            found.push(full);
        }
        Ok(Self { to, with_events: Some(found), bytes })
    }
}

fn memory(full: &FullBlock) -> usize {
    let logs = full.receipts.iter().flat_map(|receipt| &receipt.logs).map(|log| log.data.data.len() + LOG_BYTES);
    logs.sum::<usize>() + full.receipts.len() * RECEIPT_BYTES + BLOCK_BYTES
}

/// What was taken back, and whether something is at this moment.
#[derive(Debug, Default)]
pub(super) struct Removed(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The newest last.
    kept: VecDeque<Arc<Rollback>>,
    /// How many there were, these and forgotten ones.
    count: u64,
    bytes: usize,
    /// Between a block's end on disk and its mention here, what is read is of neither chain.
    under_way: bool,
}

impl Removed {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before the first block is gone.
    pub(super) fn begin(&self) {
        self.lock().under_way = true;
    }

    /// After the last one is, and together with the new head.
    pub(super) fn end(&self, rollback: Rollback) {
        let mut inner = self.lock();
        inner.under_way = false;
        inner.count += 1;
        inner.bytes += rollback.bytes;
        inner.kept.push_back(Arc::new(rollback));
        while inner.kept.len() > MAX_ROLLBACKS || inner.bytes > MAX_BYTES {
            let Some(oldest) = inner.kept.pop_front() else { break };
            inner.bytes -= oldest.bytes;
        }
    }

    /// How often it has happened.
    pub(super) fn count(&self) -> u64 {
        self.lock().count
    }

    /// Those after the first `seen`; `None` if one of them is forgotten.
    fn after(&self, seen: u64) -> Option<Vec<Arc<Rollback>>> {
        let inner = self.lock();
        let new = usize::try_from(inner.count.saturating_sub(seen)).ok()?;
        let skipped = inner.kept.len().checked_sub(new)?;
        Some(inner.kept.iter().skip(skipped).cloned().collect())
    }

    fn is(&self, seen: u64) -> bool {
        let inner = self.lock();
        inner.count == seen && !inner.under_way
    }
}

/// Where somebody is who reads block after block.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// The next block to read.
    pub next: u64,
    /// How many of its events are read already.
    pub begun: u64,
    /// Rollbacks that it was told of, or that were before its time.
    seen: u64,
}

/// Blocks that a reader has passed, and that are gone.
#[derive(Debug)]
pub struct Gone {
    rollback: Arc<Rollback>,
    /// The first block that the reader had not begun.
    end: u64,
}

/// More was taken back than is remembered.
#[derive(Debug, PartialEq, Eq)]
pub struct Forgotten;

impl Gone {
    /// Those with events, the newest first, without their transactions.
    pub fn with_events(&self) -> Result<impl Iterator<Item = &FullBlock>, Forgotten> {
        let blocks = self.rollback.with_events.as_ref().ok_or(Forgotten)?;
        Ok(blocks.iter().filter(|full| full.block.header.number < self.end))
    }
}

impl Chain {
    /// How often durable blocks were taken back since the start. Whoever keeps blocks in memory forgets them when this
    /// has grown.
    pub fn rollbacks(&self) -> u64 {
        self.removed.count()
    }

    /// Somebody who begins to read at the block after the newest one.
    pub fn reader(&self) -> Reader {
        // In this order: what is taken back in between is told to somebody who has passed nothing of it.
        let seen = self.rollbacks();
        Reader { next: self.heads().latest + 1, begun: 0, seen }
    }
}

impl Reader {
    /// Goes back to where the chain is still what was read; all that the reader had passed or begun and that is gone, in
    /// the order in which it went.
    pub fn go_back(&mut self, chain: &Chain) -> Result<Vec<Gone>, Forgotten> {
        let mut gone = Vec::new();
        for rollback in chain.removed.after(self.seen).ok_or(Forgotten)? {
            self.seen += 1;
            let end = self.next + u64::from(self.begun > 0);
            if end > rollback.to + 1 {
                (self.next, self.begun) = (rollback.to + 1, 0);
                gone.push(Gone { rollback, end });
            }
        }
        Ok(gone)
    }

    /// The same reader at the beginning of another block.
    pub const fn at(self, next: u64) -> Self {
        Self { next, begun: 0, seen: self.seen }
    }

    /// The block is read to its end.
    pub const fn pass(&mut self) {
        (self.next, self.begun) = (self.next + 1, 0);
    }

    /// Whether what was read since [`Reader::go_back`] was of one chain. If not, it counts for nothing.
    pub fn is_current(&self, chain: &Chain) -> bool {
        chain.removed.is(self.seen)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rollback(to: u64, bytes: usize) -> Rollback {
        Rollback { to, with_events: Some(Vec::new()), bytes }
    }

    #[test]
    fn bounded_by_number_and_by_memory() {
        let removed = Removed::default();
        for to in 0..MAX_ROLLBACKS as u64 + 3 {
            removed.end(rollback(to, 1));
        }
        assert!(removed.after(2).is_none(), "the third is forgotten");
        let all = removed.after(3).unwrap();
        assert_eq!((all.len(), all[0].to), (MAX_ROLLBACKS, 3));
        assert!(removed.after(removed.count()).unwrap().is_empty());
        removed.end(rollback(7, MAX_BYTES));
        let count = removed.count();
        assert!(removed.after(count - 2).is_none(), "the large one has pushed the others out");
        assert_eq!(removed.after(count - 1).unwrap()[0].to, 7);
        // What is too large by itself was not read in the first place.
        assert!(removed.lock().bytes <= MAX_BYTES);
    }

    #[test]
    fn a_reader_goes_back_as_far_as_it_had_come() {
        let chain = crate::testing::node().backend.chain().clone();
        let at = |next, begun| Reader { next, begun, seen: 0 };
        let (mut far, mut near, mut begun) = (at(11, 0), at(6, 0), at(8, 3));
        chain.removed.end(rollback(7, 0));
        chain.removed.end(rollback(5, 0));
        chain.removed.end(rollback(8, 0));
        let gone = far.go_back(&chain).unwrap();
        let passed: Vec<(u64, u64)> = gone.iter().map(|gone| (gone.rollback.to, gone.end)).collect();
        assert_eq!((passed, far.next), (vec![(7, 11), (5, 8)], 6));
        assert!(near.go_back(&chain).unwrap().is_empty() && near.next == 6);
        let gone = begun.go_back(&chain).unwrap();
        assert_eq!((gone.iter().map(|gone| gone.end).collect::<Vec<_>>(), begun.begun), (vec![9, 8], 0));
        assert!(far.is_current(&chain) && far.go_back(&chain).unwrap().is_empty());
        chain.removed.begin();
        assert!(!far.is_current(&chain));
        chain.removed.end(rollback(9, 0));
        assert!(!far.is_current(&chain));
        far.go_back(&chain).unwrap();
        assert!(far.is_current(&chain));
    }
}
