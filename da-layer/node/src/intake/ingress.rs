//! The bounded way into the engine.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use weft_primitives::{Address, B256, Namespace};

use crate::config::Limits;
use crate::policy::{Announced, Gate, Reservation};
use crate::store::{Location, StoreError};

/// Blob budgets are counted in units of this size, because a semaphore counts in 32 bits.
const UNIT_BYTES: u64 = 1_024;

/// Why a blob was not stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PutError {
    /// No bytes.
    #[error("a blob has at least one byte")]
    Empty,
    /// Above a limit.
    #[error("blob of {len_bytes} bytes is above the limit of {limit_bytes} bytes ({key})")]
    TooLarge {
        /// Its length.
        len_bytes: u64,
        /// The limit.
        limit_bytes: u64,
        /// Which limit.
        key: &'static str,
    },
    /// Namespaces without a policy of their own may not be used.
    #[error("the namespace is not one that this DA node takes blobs for")]
    Closed,
    /// The namespace is for other keys.
    #[error("the namespace takes blobs only with the signature of one of its keys; {}", signed_by(.signer))]
    Key {
        /// Who signed, if anyone.
        signer: Option<Address>,
    },
    /// The namespace has all that it may have.
    #[error("{len_bytes} bytes more than {used_bytes} are above the namespace's quota of {quota_bytes} bytes")]
    Quota {
        /// Stored and on its way.
        used_bytes: u64,
        /// The blob.
        len_bytes: u64,
        /// The quota.
        quota_bytes: u64,
    },
    /// Faster than the namespace may.
    #[error("the namespace has had its share for now; try again in {} ms", .wait.as_millis())]
    Rate {
        /// After so long the same put passes.
        wait: Duration,
    },
    /// More at once than the namespace may.
    #[error("blobs of the namespace wait up to its limit {key} = {limit}; try again soon")]
    NamespaceFull {
        /// Which limit.
        key: &'static str,
        /// Its value.
        limit: u64,
    },
    /// The blob did not arrive in time.
    #[error("the blob was not received within {limit_ms} ms (intake.receive_timeout_ms)")]
    Slow {
        /// The limit.
        limit_ms: u64,
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

fn signed_by(signer: &Option<Address>) -> String {
    signer.map_or_else(|| "there is no valid signature".to_owned(), |signer| format!("{signer} signed"))
}

impl From<StoreError> for PutError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
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
    /// Gives its place back when the blob is done with.
    _ticket: Ticket,
}

impl Pending {
    /// Lets go of the blob and its place.
    pub(super) fn finish(self) -> oneshot::Sender<Result<Placed, PutError>> {
        self.reply
    }
}

/// The right to bring a certain blob: its place in all bounds is taken before its bytes arrive.
#[derive(Debug)]
pub struct Ticket {
    namespace: Namespace,
    hash: B256,
    _bytes: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
    _reservation: Reservation,
}

/// Hands blobs to the engine. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    queue: mpsc::Sender<Pending>,
    bytes: Arc<Semaphore>,
    places: Arc<Semaphore>,
    gate: Arc<Gate>,
    limits: Limits,
}

impl Intake {
    pub(super) fn new(limits: Limits, gate: Arc<Gate>) -> (Self, mpsc::Receiver<Pending>) {
        let units = usize::try_from(limits.intake_max_bytes / UNIT_BYTES).unwrap_or(usize::MAX);
        let bytes = Arc::new(Semaphore::new(units.clamp(1, Semaphore::MAX_PERMITS)));
        let blobs = limits.intake_max_blobs.clamp(1, Semaphore::MAX_PERMITS);
        // Each blob in the queue holds a place, so the queue is never full.
        let (queue, receiver) = mpsc::channel(blobs);
        (Self { queue, bytes, places: Arc::new(Semaphore::new(blobs)), gate, limits }, receiver)
    }

    /// Admits a blob, or says why not; nothing is changed then. Blocking: it may read the store.
    pub fn admit(&self, put: &Announced) -> Result<Ticket, PutError> {
        let len_bytes = put.length;
        if len_bytes == 0 {
            return Err(PutError::Empty);
        }
        if len_bytes > self.limits.max_blob_bytes {
            let (limit_bytes, key) = (self.limits.max_blob_bytes, "max_blob_bytes");
            return Err(PutError::TooLarge { len_bytes, limit_bytes, key });
        }
        self.gate.check(put)?;
        let full = PutError::Full { key: "intake.max_bytes", limit: self.limits.intake_max_bytes };
        let units = u32::try_from(len_bytes.div_ceil(UNIT_BYTES)).map_err(|_| full.clone())?;
        let bytes = self.bytes.clone().try_acquire_many_owned(units).map_err(|_| full)?;
        let full = PutError::Full { key: "intake.max_blobs", limit: self.limits.intake_max_blobs as u64 };
        let place = self.places.clone().try_acquire_owned().map_err(|_| full)?;
        let reservation = self.gate.reserve(put)?;
        let (namespace, hash) = (put.namespace, put.content);
        Ok(Ticket { namespace, hash, _bytes: bytes, _place: place, _reservation: reservation })
    }

    /// Stores the blob that the ticket is for; returns once it is durable. The caller has checked the bytes against the
    /// hash and length that were announced.
    pub async fn put(&self, ticket: Ticket, data: Bytes) -> Result<Placed, PutError> {
        let (reply, answer) = oneshot::channel();
        let (namespace, hash) = (ticket.namespace, ticket.hash);
        let pending = Pending { namespace, hash, data, reply, _ticket: ticket };
        self.queue.try_send(pending).map_err(|_| PutError::Stopped)?;
        answer.await.unwrap_or(Err(PutError::Stopped))
    }

    /// A namespace's name in metrics.
    pub fn label(&self, namespace: &Namespace) -> Arc<str> {
        self.gate.label(namespace)
    }
}
