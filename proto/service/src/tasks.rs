//! The parts of a service that stand and fall together.
//!
//! Invariant: when one part ends, by success, error or panic, all are asked to
//! stop, and the first failure is what the service ends with. Deliberately
//! absent: starting a part again; a service that lost one ends, and whoever
//! runs it starts it anew from what is durable.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinSet};

use crate::Shutdown;

/// A part of a service panicked; the panic itself is on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} panicked; see the log")]
pub struct Panicked {
    /// Name of the part.
    pub part: &'static str,
}

/// Named parts, each in a task or thread of its own. Dropped unfinished, it ends its tasks at their next wait.
#[derive(Debug)]
pub struct TaskSet<E> {
    stop: Shutdown,
    tasks: JoinSet<Result<(), E>>,
    names: HashMap<Id, &'static str>,
}

impl<E: From<Panicked> + Send + 'static> TaskSet<E> {
    /// Without parts. `stop` is triggered when a part ends.
    pub fn new(stop: Shutdown) -> Self {
        Self { stop, tasks: JoinSet::new(), names: HashMap::new() }
    }

    /// Starts a part. It must end by itself soon after the shutdown is triggered.
    pub fn spawn(&mut self, part: &'static str, work: impl Future<Output = Result<(), E>> + Send + 'static) {
        let id = self.tasks.spawn(work).id();
        self.names.insert(id, part);
    }

    /// Starts a part that blocks, on a thread of its own named after it.
    pub fn spawn_thread(
        &mut self,
        part: &'static str,
        work: impl FnOnce() -> Result<(), E> + Send + 'static,
    ) -> std::io::Result<()> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        std::thread::Builder::new().name(part.to_owned()).spawn(move || {
            // Nobody listens only if the set was dropped.
            let _ = sender.send(work());
        })?;
        // A panic drops the sender.
        self.spawn(part, async move { receiver.await.unwrap_or_else(|_| Err(Panicked { part }.into())) });
        Ok(())
    }

    /// Waits until all parts have ended; the first failure counts.
    pub async fn finish(mut self) -> Result<(), E> {
        let mut outcome = Ok(());
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.stop.trigger();
            let (id, result) = match ended {
                Ok((id, result)) => (id, Some(result)),
                Err(error) => (error.id(), None),
            };
            let part = self.names.remove(&id).unwrap_or("a part");
            tracing::debug!(part, "ended");
            outcome = outcome.and(result.unwrap_or_else(|| Err(Panicked { part }.into())));
        }
        outcome
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, thiserror::Error)]
    enum Failure {
        #[error("disk")]
        Disk,
        #[error(transparent)]
        Panicked(#[from] Panicked),
    }

    /// A set with one part that runs until it is told to stop.
    fn set() -> (TaskSet<Failure>, Shutdown) {
        let stop = Shutdown::new();
        let mut set = TaskSet::new(stop.clone());
        let waits = stop.clone();
        set.spawn("waits", async move {
            waits.wait().await;
            Ok(())
        });
        (set, stop)
    }

    #[tokio::test]
    async fn one_failure_stops_all_and_is_told() {
        let (mut set, _) = set();
        set.spawn("store", async { Err(Failure::Disk) });
        assert_eq!(set.finish().await, Err(Failure::Disk));
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_with_a_name() {
        let (mut tasks, _) = set();
        tasks.spawn("engine", async { panic!("on purpose") });
        assert_eq!(tasks.finish().await, Err(Failure::Panicked(Panicked { part: "engine" })));
        let (mut threads, _) = set();
        threads.spawn_thread("producer", || panic!("on purpose")).unwrap();
        assert_eq!(threads.finish().await, Err(Failure::Panicked(Panicked { part: "producer" })));
    }

    #[tokio::test]
    async fn stopping_is_no_failure() {
        let (mut set, stop) = set();
        let waits = stop.clone();
        let work = move || {
            futures::executor::block_on(waits.wait());
            Ok(())
        };
        set.spawn_thread("producer", work).unwrap();
        stop.trigger();
        assert_eq!(set.finish().await, Ok(()));
    }
}
