//! Batches on their way: fetched and recovered ahead, executed one after the other, written while the next is executed.
//!
//! Each step has threads of its own, so that none waits in another's queue. What waits between them is bounded:
//! [`AHEAD`] payloads with their recovered transactions, and one batch of executed blocks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::{Mutex, oneshot};
use weft_execution::verify::{Prepared, prepare};
use weft_service::backoff::Backoff;
use weft_wire::RemoteError;

use super::{DeriveError, Job, LogView, Payloads};

/// Batches that are fetched or recovered, or wait for their execution.
pub(super) const AHEAD: usize = 4;

/// Longest pause between two tries to get a payload.
const MOST_PAUSE: Duration = Duration::from_secs(5);

/// What is done ahead of execution. Cheap to clone.
#[derive(Clone)]
pub(super) struct Supply {
    pub(super) payloads: Arc<dyn Payloads>,
    pub(super) view: LogView,
    recover: Arc<ThreadPool>,
    /// One batch at a time on all cores: who came first is done first.
    turn: Arc<Mutex<()>>,
}

/// Threads of a name, as many as there are cores.
pub(super) fn threads(name: &'static str) -> Result<Arc<ThreadPool>, DeriveError> {
    let builder = ThreadPoolBuilder::new().thread_name(move |n| format!("{name}-{n}"));
    // A panic is told by the answer that does not come.
    Ok(Arc::new(builder.panic_handler(|_| ()).build()?))
}

/// Does `work` on threads that may be busy with it for long.
pub(super) async fn on<T: Send + 'static>(
    threads: &ThreadPool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, DeriveError> {
    let (sender, receiver) = oneshot::channel();
    threads.spawn(move || {
        // Whoever waited is gone if deriving was stopped.
        let _ = sender.send(work());
    });
    receiver.await.map_err(|_| DeriveError::Panicked)
}

impl Supply {
    pub(super) fn new(payloads: Arc<dyn Payloads>, view: LogView) -> Result<Self, DeriveError> {
        Ok(Self { payloads, view, recover: threads("recover")?, turn: Arc::default() })
    }

    /// Fetches a batch's payload, if it has one, and recovers its senders. `None` if the log has given it up meanwhile.
    pub(super) async fn prepared(
        self,
        chain_id: u64,
        job: Job,
    ) -> Result<Option<(Job, Option<Prepared>)>, DeriveError> {
        if !job.has_payload() {
            return Ok(Some((job, None)));
        }
        let Some(payload) = self.payload(&job).await else { return Ok(None) };
        let claim = job.record.signed.header.clone();
        let turn = self.turn.lock().await;
        let prepared = on(&self.recover, move || prepare(chain_id, &claim, &payload)).await?;
        drop(turn);
        Ok(Some((job, Some(prepared))))
    }

    /// The payload, however long it takes, as long as the log holds on to its commitment.
    pub(super) async fn payload(&self, job: &Job) -> Option<Bytes> {
        let mut backoff = Backoff::new(Duration::from_millis(50), MOST_PAUSE);
        let mut said = false;
        loop {
            match self.payloads.payload(&job.record.signed.header).await {
                Ok(payload) => return Some(payload),
                Err(error) => self.failed(job, &error, &mut said),
            }
            let commitment = job.record.commitment;
            let stands = self
                .view
                .look(|replay| replay.history().record(commitment).is_some_and(|record| record.status.is_canonical()));
            if stands == Some(false) {
                return None;
            }
            tokio::time::sleep(backoff.delay()).await;
        }
    }

    /// An outage is said once a batch, not at every try.
    fn failed(&self, job: &Job, error: &RemoteError, said: &mut bool) {
        metrics::counter!("weft_node_payload_failures_total").increment(1);
        if !std::mem::replace(said, true) {
            let hash = job.record.signed.header.payload_hash;
            tracing::warn!(batch = job.index(), payload = %hash, %error, "no payload from the DA node; trying again");
        }
    }
}
