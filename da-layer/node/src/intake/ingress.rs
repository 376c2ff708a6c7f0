//! The bounded way into the engine.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use weft_primitives::{B256, Namespace};

use crate::config::Limits;
use crate::store::{Location, StoreError};

/// Blob budgets are counted in units of this size, because a semaphore counts in 32 bits.
const UNIT_BYTES: u64 = 1_024;

/// Why a blob was not stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PutError {
    /// No bytes.
    #[error("a blob has at least one byte")]
    Empty,
    /// Above the node's limit.
    #[error("blob of {len_bytes} bytes is above the limit of {limit_bytes} bytes (max_blob_bytes)")]
    TooLarge {
        /// Its length.
        len_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// Too much is waiting; try again soon.
    #[error("blobs wait up to the limit {key} = {limit}; try again soon")]
    Full {
        /// Which limit.
        key: &'static str,
        /// Its value.
        limit: u64,
    },
    /// The disk is nearly full.
    #[error("the DA node's disk has {free_bytes} bytes free, below store.min_free_bytes = {limit_bytes}")]
    DiskFull {
        /// Bytes free.
        free_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// Too few members of the custody answer.
    #[error(
        "{blocks} DA blocks wait for their certificate, custody.max_uncertified = {limit}: too few members of the \
         custody answer; try again later"
    )]
    Uncertified {
        /// Blocks that wait.
        blocks: u64,
        /// The limit.
        limit: u64,
    },
    /// The node is shutting down, or its store has failed. It is not known whether the blob was stored: ask again.
    #[error("the DA node stopped before it could answer; ask again")]
    Stopped,
    /// The store cannot be read.
    #[error("the DA node's store: {0}")]
    Store(Arc<StoreError>),
}

/// Where a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Its place.
    pub location: Location,
    /// Whether it had been stored before.
    pub duplicate: bool,
}

/// A blob on its way into a block.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) namespace: Namespace,
    pub(super) hash: B256,
    pub(super) data: Bytes,
    pub(super) reply: oneshot::Sender<Result<Placed, PutError>>,
    /// Gives the bytes back to the budget when the blob is done with.
    _budget: OwnedSemaphorePermit,
}

/// The right to bring a blob of a certain length: memory is set aside before its bytes arrive.
#[derive(Debug)]
pub struct Ticket {
    budget: OwnedSemaphorePermit,
}

/// Hands blobs to the engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intake {
    queue: mpsc::Sender<Pending>,
    budget: Arc<Semaphore>,
    limits: Limits,
}

impl Intake {
    pub(super) fn new(limits: Limits) -> (Self, mpsc::Receiver<Pending>) {
        let (queue, receiver) = mpsc::channel(limits.intake_max_blobs.max(1));
        let units = usize::try_from(limits.intake_max_bytes / UNIT_BYTES).unwrap_or(usize::MAX);
        let budget = Arc::new(Semaphore::new(units.clamp(1, Semaphore::MAX_PERMITS)));
        (Self { queue, budget, limits }, receiver)
    }

    /// Sets memory aside for a blob of `len_bytes`.
    pub fn admit(&self, len_bytes: u64) -> Result<Ticket, PutError> {
        if len_bytes == 0 {
            return Err(PutError::Empty);
        }
        if len_bytes > self.limits.max_blob_bytes {
            return Err(PutError::TooLarge { len_bytes, limit_bytes: self.limits.max_blob_bytes });
        }
        let full = PutError::Full { key: "intake.max_bytes", limit: self.limits.intake_max_bytes };
        let units = u32::try_from(len_bytes.div_ceil(UNIT_BYTES)).map_err(|_| full.clone())?;
        let budget = self.budget.clone().try_acquire_many_owned(units).map_err(|_| full)?;
        Ok(Ticket { budget })
    }

    /// Stores a blob; returns once it is durable. `hash` is the BLAKE3 of `data`.
    pub async fn put(&self, ticket: Ticket, namespace: Namespace, hash: B256, data: Bytes) -> Result<Placed, PutError> {
        let (reply, answer) = oneshot::channel();
        let pending = Pending { namespace, hash, data, reply, _budget: ticket.budget };
        self.queue.try_send(pending).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                PutError::Full { key: "intake.max_blobs", limit: self.limits.intake_max_blobs as u64 }
            }
            mpsc::error::TrySendError::Closed(_) => PutError::Stopped,
        })?;
        answer.await.unwrap_or(Err(PutError::Stopped))
    }
}
