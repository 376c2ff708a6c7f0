//! Forced batches in mode `optimistic`: made here on a witness that anyone may bring.
//!
//! Nobody claims anything about such a batch. What is in it follows from the
//! log, and what comes of it from the witness, whose root is that of the state
//! after the newest commitment: so no false one can enter the log, and a witness
//! that does not suffice makes none.

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use weft_execution::forced::{ForcedContext, build_stateless};
use weft_primitives::BatchHeader;
use weft_settlement::{Chain, ChallengeRefusal, ForceRefusal, Mode, PostReceipt};

use super::{Challenges, Refused, checkpoint};
use crate::engine::Failure;
use crate::verifier::waiting;

/// Batches made for one request while the log moves on.
const MAX_TRIES: u32 = 16;

impl Challenges {
    /// Lets a witness for the forced batch that is due in before it comes.
    pub(crate) async fn admit_forced(&self, witness_len: u64) -> Result<OwnedSemaphorePermit, Refused> {
        let permit = self.room_for(witness_len)?;
        self.may_force(&self.engine.chain()).await?;
        Ok(permit)
    }

    /// Appends the forced batch that is due, made on `witness`. `parent_header` is the block's before it.
    pub(crate) async fn force(
        &self,
        _permit: OwnedSemaphorePermit,
        parent_header: &[u8],
        witness: Bytes,
    ) -> Result<PostReceipt, Refused> {
        for _ in 0..MAX_TRIES {
            let chain = self.engine.chain();
            self.may_force(&chain).await?;
            let header = self.make(&chain, parent_header, witness.clone()).await?;
            match self.engine.force(header).await {
                Ok(receipt) => {
                    let (commitment, log_seq) = (receipt.commitment, receipt.log_seq);
                    tracing::warn!(%commitment, log_seq, "forced batch, on a witness");
                    return Ok(receipt);
                }
                Err(Failure::Refused(ForceRefusal::Moved)) => {}
                Err(Failure::Refused(refusal)) => return Err(refusal.into()),
                Err(failure) => return Err(Refused::Failed(failure.to_string())),
            }
        }
        Err(ForceRefusal::Moved.into())
    }

    async fn may_force(&self, chain: &Chain) -> Result<(), Refused> {
        if chain.rules().terms.mode == Mode::Verified {
            return Err(ChallengeRefusal::NotOptimistic.into());
        }
        let oldest = self.store.inbox(chain.parent().inbox_cursor, 1).await?;
        let oldest_ms = oldest.first().map(|row| row.item.time_ms);
        Ok(chain.may_force(self.clock.now_ms(), oldest_ms)?)
    }

    async fn make(&self, chain: &Chain, parent_header: &[u8], witness: Bytes) -> Result<BatchHeader, Refused> {
        let (checkpoint, head) = (checkpoint(chain, chain.tip(), parent_header)?, chain.head().clone());
        let waiting = waiting(&*self.store, checkpoint.inbox_cursor, head.inbox_len).await?;
        let config = self.chain.clone();
        let made = tokio::task::spawn_blocking(move || {
            let anchor = (head.log_seq, head.log_hash, head.log_time_ms);
            let log = ForcedContext { waiting: &waiting, anchor, leader_epoch: head.epoch };
            build_stateless(&config, &checkpoint, &log, &witness)
        });
        let made = made.await.map_err(|error| Refused::Failed(format!("a forced batch: {error}")))?;
        made.map_err(|error| Refused::Incomplete(error.to_string()))
    }
}
