//! One transaction, followed on its way: each stage as it is reached.

use std::time::Duration;

use tokio::sync::watch;
use weft_primitives::B256;

use crate::backend::{Backend, Stage, TransactionStatus};
use crate::chain::Heads;
use crate::store::StoreError;

/// Shortest time between two looks: new blocks may come faster than that.
const SHORTEST: Duration = Duration::from_millis(5);

/// Longest: what happens in the pool or to a batch moves no head.
const LONGEST: Duration = Duration::from_millis(200);

/// A transaction that is followed.
pub struct Watched {
    backend: Backend,
    hash: B256,
    heads: watch::Receiver<Heads>,
    told: Option<TransactionStatus>,
}

/// Why it is followed no further.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Reading panicked.
    #[error("reading a transaction's status panicked")]
    Panicked,
}

impl Watched {
    /// Follows the transaction with this hash, known or not.
    pub fn new(backend: Backend, hash: B256) -> Self {
        let heads = backend.chain().watch_heads();
        Self { backend, hash, heads, told: None }
    }

    /// Where it is, at once when asked for the first time, then whenever that has changed; a stage that lasts only for a
    /// moment may be passed over. `None` after it was final, or when the node stops.
    pub async fn next(&mut self) -> Result<Option<TransactionStatus>, WatchError> {
        if self.told.is_some_and(|told| told.stage == Stage::Finalized) {
            return Ok(None);
        }
        loop {
            self.heads.borrow_and_update();
            let (backend, hash) = (self.backend.clone(), self.hash);
            let now = tokio::task::spawn_blocking(move || backend.transaction_status(&hash)).await;
            let now = now.map_err(|_| WatchError::Panicked)??;
            if self.told.replace(now) != Some(now) {
                return Ok(Some(now));
            }
            tokio::time::sleep(SHORTEST).await;
            if let Ok(Err(_)) = tokio::time::timeout(LONGEST, self.heads.changed()).await {
                return Ok(None);
            }
        }
    }
}
