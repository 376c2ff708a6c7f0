//! Transactions of blocks that were taken back: into the pool again, until each is in a block or can be in none.
//!
//! They are kept in the store until then: a confirmation that had to be taken
//! back is at least not forgotten.

use std::time::{Duration, Instant};

use weft_primitives::{B256, Bytes, keccak256};
use weft_service::Shutdown;

use crate::backend::Backend;
use crate::mempool::PoolError;
use crate::store::StoreError;

/// How often it is looked at what has become of them.
const PERIOD: Duration = Duration::from_millis(500);

/// How long one may be refused for a reason that another's execution may mend.
const PATIENCE: Duration = Duration::from_secs(600);

/// Transactions handed to admission at once.
const AT_ONCE: usize = 256;

/// What is to be done with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Look again.
    Waits,
    /// In a block, or in none for ever.
    Done,
}

/// Runs until shutdown.
pub async fn run(backend: Backend, shutdown: Shutdown) -> Result<(), StoreError> {
    let mut left = backend.chain().store().requeued()?;
    if !left.is_empty() {
        tracing::warn!(transactions = left.len(), "transactions of blocks that were taken back go to the pool again");
    }
    let start = Instant::now();
    while !left.is_empty() {
        left = step(&backend, left, start.elapsed() < PATIENCE).await?;
        if shutdown.unless(tokio::time::sleep(PERIOD)).await.is_none() {
            return Ok(());
        }
    }
    shutdown.wait().await;
    Ok(())
}

/// Looks at all once; those that still wait.
pub(crate) async fn step(
    backend: &Backend,
    left: Vec<(u64, Bytes)>,
    patient: bool,
) -> Result<Vec<(u64, Bytes)>, StoreError> {
    let mut waiting = Vec::with_capacity(left.len());
    for some in left.chunks(AT_ONCE) {
        let outcomes = backend.submit_all(some.iter().map(|(_, raw)| raw.clone()).collect()).await;
        let mut done = Vec::new();
        for ((place, raw), outcome) in some.iter().zip(outcomes) {
            let hash = keccak256(raw);
            let is_in_block = backend.locate(&hash)?.is_some();
            match fate(is_in_block, patient, &outcome) {
                Fate::Waits => waiting.push((*place, raw.clone())),
                Fate::Done => {
                    report(is_in_block, hash, outcome);
                    done.push(*place);
                }
            }
        }
        backend.chain().store().forget_requeued(&done)?;
    }
    Ok(waiting)
}

fn report(is_in_block: bool, hash: B256, outcome: Result<B256, PoolError>) {
    if let (false, Err(error)) = (is_in_block, outcome) {
        metrics::counter!("weft_sequencer_requeue_dropped_total").increment(1);
        tracing::warn!(%hash, %error, "a transaction of a block that was taken back cannot be executed any more");
    }
}

fn fate(is_in_block: bool, patient: bool, outcome: &Result<B256, PoolError>) -> Fate {
    match outcome {
        _ if is_in_block => Fate::Done,
        Ok(_)
        | Err(
            PoolError::AlreadyKnown
            | PoolError::SenderFull { .. }
            | PoolError::Full { .. }
            | PoolError::Backpressure(_)
            | PoolError::Unavailable(_),
        ) => Fate::Waits,
        // Those before it may close the gap, or bring the money.
        Err(PoolError::NonceTooFar { .. } | PoolError::NonceGap { .. } | PoolError::InsufficientFunds { .. })
            if patient =>
        {
            Fate::Waits
        }
        Err(_) => Fate::Done,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_given_up_that_may_still_come() {
        let hash = Ok(B256::ZERO);
        for patient in [false, true] {
            assert_eq!(fate(false, patient, &hash), Fate::Waits);
            assert_eq!(fate(true, patient, &hash), Fate::Done);
            assert_eq!(fate(false, patient, &Err(PoolError::AlreadyKnown)), Fate::Waits);
            assert_eq!(fate(false, patient, &Err(PoolError::Backpressure(String::new()))), Fate::Waits);
            let used = Err(PoolError::NonceTooLow { got: 1, next: 2 });
            assert_eq!((fate(false, patient, &used), fate(true, patient, &used)), (Fate::Done, Fate::Done));
        }
        let far = Err(PoolError::NonceTooFar { got: 9, next: 2, limit: 3 });
        assert_eq!((fate(false, true, &far), fate(false, false, &far)), (Fate::Waits, Fate::Done));
    }
}
