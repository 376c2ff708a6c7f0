//! What has arrived and waits for a thread, in order, bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use weft_primitives::Bytes;

use super::{Gap, Outcomes};

/// Bytes that wait or are being worked on, at most.
const ROOM: u32 = 32 << 20;

/// What a transaction takes of the room beside its own bytes.
const OVERHEAD: usize = 256;

/// Transactions of one caller, who waits for all of their outcomes.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) raw: Vec<Bytes>,
    pub(super) gap: Gap,
    /// Place of the first in the order of arrival; the others follow.
    pub(super) arrival: u64,
    pub(super) answer: oneshot::Sender<Outcomes>,
    _room: OwnedSemaphorePermit,
}

#[derive(Debug, Default)]
struct Waiting {
    groups: VecDeque<Group>,
    /// Transactions in them.
    transactions: usize,
    /// Transactions that ever arrived.
    arrived: u64,
    closed: bool,
}

/// First in, first out.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    news: Condvar,
    room: Arc<Semaphore>,
    takers: usize,
}

impl Queue {
    /// For so many threads that take.
    pub(super) fn new(takers: usize) -> Self {
        let room = Arc::new(Semaphore::new(ROOM as usize));
        Self { waiting: Mutex::default(), news: Condvar::new(), room, takers: takers.max(1) }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a group at the end, when there is room for it. Its outcomes will come, unless the queue is closed before.
    pub(super) async fn put(&self, raw: Vec<Bytes>, gap: Gap) -> oneshot::Receiver<Outcomes> {
        let (answer, receiver) = oneshot::channel();
        let size: usize = raw.iter().map(|raw| raw.len() + OVERHEAD).sum();
        // One that is larger than all room has it all.
        let size = u32::try_from(size).unwrap_or(ROOM).min(ROOM);
        // Closed with the queue.
        let Ok(room) = self.room.clone().acquire_many_owned(size).await else { return receiver };
        let mut waiting = self.lock();
        if !waiting.closed {
            let arrival = waiting.arrived;
            waiting.arrived += raw.len() as u64;
            waiting.transactions += raw.len();
            waiting.groups.push_back(Group { raw, gap, arrival, answer, _room: room });
            drop(waiting);
            self.news.notify_one();
        }
        receiver
    }

    /// The first group and those after it, as many as make up this thread's share of what waits, but no more than
    /// `most` transactions unless a group alone has more. Waits for one; `None` once the queue is closed.
    pub(super) fn take(&self, most: usize) -> Option<Vec<Group>> {
        let mut waiting = self.news.wait_while(self.lock(), |waiting| waiting.groups.is_empty() && !waiting.closed);
        let waiting = waiting.as_mut().unwrap_or_else(|poisoned| poisoned.get_mut());
        let share = waiting.transactions.div_ceil(self.takers).min(most);
        let mut taken: Vec<Group> = Vec::new();
        let mut count = 0;
        while let Some(next) = waiting.groups.front() {
            if !taken.is_empty() && count + next.raw.len() > share {
                break;
            }
            count += next.raw.len();
            taken.extend(waiting.groups.pop_front());
        }
        waiting.transactions -= count;
        (!taken.is_empty()).then_some(taken)
    }

    /// Nothing is put or taken any more; what waits is dropped, without an outcome.
    pub(super) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.transactions = 0;
        waiting.groups.clear();
        drop(waiting);
        self.room.close();
        self.news.notify_all();
    }
}
