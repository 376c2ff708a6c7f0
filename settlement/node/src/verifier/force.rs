//! Forced batches on request: built on the final state, decided by the engine.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use weft_service::clock::Clock;
use weft_settlement::{ForceRefusal, Mode, PostReceipt};

use super::{Verifier, Wait};
use crate::engine::Failure;

/// Callers that wait for a forced batch. One batch serves them all.
const MAX_WAITING: usize = 64;

/// Batches built for one request while the log moves on.
const MAX_TRIES: u32 = 16;

/// Why there is no forced batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForceFailure {
    /// The rules refuse it, or the engine could not be asked.
    #[error(transparent)]
    Engine(#[from] Failure<ForceRefusal>),
    /// There is no state to build it on.
    #[error("in mode optimistic settlement has no state: a forced batch comes with a witness")]
    WitnessNeeded,
    /// It cannot be built at this moment.
    #[error("no forced batch can be built now: {0}; try again")]
    NotNow(String),
}

type Answer = Result<PostReceipt, ForceFailure>;
type Reply = oneshot::Sender<Answer>;

/// Asks for forced batches. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ForceHandle(mpsc::Sender<Reply>);

impl ForceHandle {
    /// Appends the forced batch that is due.
    pub async fn force(&self) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(reply).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Failure::Busy,
            mpsc::error::TrySendError::Closed(_) => Failure::Stopped,
        })?;
        answer.await.unwrap_or(Err(Failure::Stopped.into()))
    }
}

/// The verifier's end.
pub(super) struct Forces {
    asked: mpsc::Receiver<Reply>,
    clock: Arc<dyn Clock>,
}

impl Forces {
    pub(super) fn new(clock: Arc<dyn Clock>) -> (Self, ForceHandle) {
        let (sender, asked) = mpsc::channel(MAX_WAITING);
        (Self { asked, clock }, ForceHandle(sender))
    }

    /// The next who asks.
    pub(super) async fn next(&mut self) -> Reply {
        match self.asked.recv().await {
            Some(reply) => reply,
            // Nobody can ask any more.
            None => std::future::pending().await,
        }
    }

    /// Tells all who ask that something else has to come first.
    pub(super) fn not_now(&mut self, why: &str) {
        while let Ok(reply) = self.asked.try_recv() {
            drop(reply.send(Err(ForceFailure::NotNow(why.to_owned()))));
        }
    }
}

impl Verifier {
    pub(super) async fn force(&mut self, asked: Reply) {
        let answer = self.try_force().await;
        if let Ok(receipt) = &answer {
            tracing::warn!(commitment = %receipt.commitment, log_seq = receipt.log_seq, "forced batch");
        }
        // Whoever asked may have gone.
        drop(asked.send(answer));
    }

    async fn try_force(&mut self) -> Answer {
        let not_now = |wait: Wait| ForceFailure::NotNow(wait.to_string());
        for _ in 0..MAX_TRIES {
            let chain = self.engine.chain();
            if chain.rules().terms.mode != Mode::Verified {
                return Err(ForceFailure::WitnessNeeded);
            }
            let oldest =
                self.store.inbox(chain.parent().inbox_cursor, 1).await.map_err(|error| not_now(error.into()))?;
            // Before anything is executed.
            let oldest_ms = oldest.first().map(|row| row.item.time_ms);
            chain.may_force(self.forces.clock.now_ms(), oldest_ms).map_err(Failure::Refused)?;
            let header = self.executor.build_forced(&chain).await.map_err(not_now)?;
            match self.engine.force(header).await {
                Err(Failure::Refused(ForceRefusal::Moved)) => {}
                other => return Ok(other?),
            }
        }
        Err(Failure::Refused(ForceRefusal::Moved).into())
    }
}
