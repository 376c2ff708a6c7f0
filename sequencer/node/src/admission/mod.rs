//! From bytes that anyone may send to transactions in the pool.
//!
//! Recovering a sender takes some 40 us of a core, many times what a transfer
//! takes to execute: this is where a sequencer's time goes. So it is done on
//! threads of its own ([`Admission`]), which take what has arrived
//! ([`queue`]) a handful at a time, decode, recover and check it with no lock
//! held ([`rules`]), and put the handful into the pool under one. Whoever sends
//! more than they can take waits, and is not refused.
//!
//! Who arrived first is first among equals ([`crate::mempool`]): a place in the
//! order is given on arrival, whichever thread is done first.

mod arrivals;
mod door;
mod gate;
mod queue;
mod rules;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;
use weft_primitives::{B256, Bytes};

use crate::mempool::PoolError;
use queue::{Group, Queue};

pub use door::Door;
pub use gate::Gate;

/// Transactions that one thread takes at once. More of them would wait longer for their answers; fewer would lock more
/// often.
pub const GROUP: usize = 32;

/// Threads for each core: while one waits for the pool another recovers.
const THREADS_PER_CORE: usize = 2;

/// Outcomes of a group, in order.
pub type Outcomes = Vec<Result<B256, PoolError>>;

/// What to do with a transaction before which others are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// It waits for them in the pool.
    Wait,
    /// It is refused.
    Refuse,
}

/// The threads, and what waits for them. Ends them when dropped.
pub struct Admission {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl Admission {
    /// Starts the threads.
    pub fn start(door: &Arc<Door>) -> std::io::Result<Self> {
        let count = THREADS_PER_CORE * std::thread::available_parallelism().map_or(1, usize::from);
        let mut this = Self { queue: Arc::new(Queue::new(count)), threads: Vec::with_capacity(count) };
        for n in 0..count {
            let (queue, door) = (this.queue.clone(), door.clone());
            let thread = std::thread::Builder::new().name(format!("admit-{n}")).spawn(move || work(&queue, &door))?;
            this.threads.push(thread);
        }
        Ok(this)
    }

    /// Decodes and recovers all, and puts them into the pool in order; each outcome is its own.
    pub async fn submit(&self, raw: Vec<Bytes>, gap: Gap) -> Outcomes {
        let count = raw.len();
        let answer = self.queue.put(raw, gap).await;
        let unavailable = |_: oneshot::error::RecvError| {
            let error = PoolError::Unavailable("admission has ended, or failed; see the log".to_owned());
            vec![Err(error); count]
        };
        answer.await.unwrap_or_else(unavailable)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            // A panic has been told of by the group that it hit.
            let _ = thread.join();
        }
    }
}

/// One thread: takes groups until the queue is closed.
fn work(queue: &Queue, door: &Door) {
    while let Some(groups) = queue.take(GROUP) {
        // A defect costs the senders of these transactions an answer, and nobody else.
        let admitted = catch_unwind(AssertUnwindSafe(|| door.admit(&groups)));
        let Ok(outcomes) = admitted else {
            tracing::error!("admission panicked");
            continue;
        };
        let mut outcomes = outcomes.into_iter();
        for Group { raw, answer, .. } in groups {
            // Whoever asked may be gone.
            let _ = answer.send(outcomes.by_ref().take(raw.len()).collect());
        }
    }
}
