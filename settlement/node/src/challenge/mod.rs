//! Challenges in mode `optimistic`: is a commitment false? By running its batch on the challenger's witness.
//!
//! Nothing that a challenger brings is believed: the header of the block before
//! the batch has a known hash, the witness a known root, the payload comes from
//! the DA layer by its hash. So a wrong or small witness decides nothing, and
//! changes nothing. Deliberately absent: stakes; whoever runs a public service
//! puts something before it that knows its callers.

mod forced;
mod holds;

use std::sync::Arc;
use std::time::Instant;

use alloy_primitives::B256;
use alloy_rlp::Decodable;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use weft_execution::STF_VERSION;
use weft_execution::block::Parent as Block;
use weft_execution::forced::verify_forced_stateless;
use weft_execution::verify::{Checkpoint, Verdict, verify_stateless};
use weft_primitives::{BlockHeader, ChainConfig};
use weft_service::clock::Clock;
use weft_settlement::{Chain, ChallengeRefusal, ForceRefusal, Judgement, Parent, Record, RejectReason};

use crate::engine::{EngineHandle, Failure};
use crate::metrics;
use crate::store::{Store, StoreError};
use crate::verifier::{Context, DaSource, ForcedRecord, Subject, download};
use holds::Hold;
pub(crate) use holds::Holds;

/// What a challenge came to.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The commitment is false, and was rejected.
    Invalid { reason: RejectReason, block: Option<u64>, words: String, log_seq: u64 },
    /// It is true. No log entry if that was known.
    Valid { log_seq: Option<u64> },
    /// The witness does not decide it.
    Undecided { missing: String },
}

/// Why a challenge is not judged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// The rules.
    #[error(transparent)]
    Rules(#[from] ChallengeRefusal),
    /// Not what comes before the batch.
    #[error("parent_header is not the header of the block before the batch: {0}")]
    WrongParent(String),
    /// Too large.
    #[error("the witness has {got} bytes; at most {limit} are taken (max_witness_bytes)")]
    TooLarge { got: u64, limit: u64 },
    /// No forced batch may come now.
    #[error(transparent)]
    Force(#[from] ForceRefusal),
    /// The witness does not suffice for a forced batch.
    #[error("no forced batch can be made on this witness: {0}")]
    Incomplete(String),
    /// Too many at once.
    #[error("{limit} challenges are received or judged (max_challenges); try again")]
    TooMany { limit: usize },
    /// One at a time.
    #[error("commitment {0} is being judged; try again")]
    BeingJudged(B256),
    /// The database, or the engine, failed.
    #[error("{0}")]
    Failed(String),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Failed(format!("the settlement database failed: {error}; try again"))
    }
}

/// A challenge that was let in.
#[derive(Debug)]
pub(crate) struct Ticket {
    commitment: B256,
    _hold: Hold,
    _permit: OwnedSemaphorePermit,
}

/// Judges challenges to one chain's commitments.
pub(crate) struct Challenges {
    chain: Arc<ChainConfig>,
    engine: EngineHandle,
    store: Arc<dyn Store>,
    da: DaSource,
    clock: Arc<dyn Clock>,
    holds: Holds,
    permits: Arc<Semaphore>,
    max_challenges: usize,
    max_witness_bytes: u64,
}

impl Challenges {
    pub(crate) fn new(
        chain: Arc<ChainConfig>,
        engine: EngineHandle,
        store: Arc<dyn Store>,
        da: DaSource,
        clock: Arc<dyn Clock>,
        holds: Holds,
        limits: &crate::Limits,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(limits.max_challenges));
        let (max_challenges, max_witness_bytes) = (limits.max_challenges, limits.max_witness_bytes);
        Self { chain, engine, store, da, clock, holds, permits, max_challenges, max_witness_bytes }
    }

    pub(crate) const fn max_witness_bytes(&self) -> u64 {
        self.max_witness_bytes
    }

    /// For a witness of so many bytes.
    fn room_for(&self, witness_len: u64) -> Result<OwnedSemaphorePermit, Refused> {
        if witness_len > self.max_witness_bytes {
            return Err(Refused::TooLarge { got: witness_len, limit: self.max_witness_bytes });
        }
        let permit = self.permits.clone().try_acquire_owned();
        permit.map_err(|_| Refused::TooMany { limit: self.max_challenges })
    }

    /// Lets a challenge in before its witness comes. From then on its commitment does not become final here.
    pub(crate) fn admit(&self, commitment: B256, witness_len: u64) -> Result<Ticket, Refused> {
        let permit = self.room_for(witness_len)?;
        // Held first, and only then is the time looked at: whoever makes final looks at both the other way round.
        let hold = self.holds.hold(commitment);
        match self.engine.chain().may_challenge(self.clock.now_ms(), commitment) {
            // Judged at once, and known to be true.
            Ok(()) | Err(ChallengeRefusal::AlreadyVerified(_)) => {
                Ok(Ticket { commitment, _hold: hold, _permit: permit })
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Judges a challenge that was let in.
    pub(crate) async fn judge(&self, ticket: Ticket, parent_header: &[u8], witness: Bytes) -> Result<Outcome, Refused> {
        let start = Instant::now();
        let outcome = self.try_judge(ticket.commitment, parent_header, witness).await;
        let label = match &outcome {
            Ok(Outcome::Invalid { .. }) => "invalid",
            Ok(Outcome::Valid { .. }) => "valid",
            Ok(Outcome::Undecided { .. }) => "undecided",
            Err(_) => "refused",
        };
        metrics::challenged(self.chain.chain_id(), label, start.elapsed());
        outcome
    }

    async fn try_judge(&self, commitment: B256, parent_header: &[u8], witness: Bytes) -> Result<Outcome, Refused> {
        let _turn = self.holds.turn(commitment).ok_or(Refused::BeingJudged(commitment))?;
        let chain = self.engine.chain();
        match chain.may_challenge(0, commitment) {
            // It came in time, and is what its commitment waits for.
            Ok(()) | Err(ChallengeRefusal::TooLate { .. }) => {}
            Err(ChallengeRefusal::AlreadyVerified(_)) => return Ok(Outcome::Valid { log_seq: None }),
            Err(refusal) => return Err(refusal.into()),
        }
        let (record, checkpoint) = before(&chain, commitment, parent_header)?;
        let subject = if record.signed.is_forced() {
            Subject::Forced(ForcedRecord::load(&*self.store, record).await?)
        } else {
            match download(&self.da, &record.signed.header).await {
                Ok(payload) => Subject::Posted(payload, Context::load(&*self.store, record).await?),
                Err(wait) => return Ok(Outcome::Undecided { missing: format!("the payload ({wait})") }),
            }
        };
        let (config, claim) = (self.chain.clone(), record.signed.header.clone());
        let judged = tokio::task::spawn_blocking(move || {
            let verdict = match subject {
                Subject::Posted(payload, context) => {
                    verify_stateless(&config, &checkpoint, &claim, &payload, &context.log(), &witness)
                }
                Subject::Forced(record) => {
                    verify_forced_stateless(&config, &checkpoint, &claim, &record.log(&claim), &witness)
                }
            };
            (verdict, weft_da::blob_hash(&witness))
        });
        let (verdict, witness_hash) = judged.await.map_err(|error| Refused::Failed(format!("a judgement: {error}")))?;
        self.decide(commitment, witness_hash, verdict).await
    }

    async fn decide(&self, commitment: B256, witness_hash: B256, verdict: Verdict) -> Result<Outcome, Refused> {
        let (judgement, words) = match verdict {
            Verdict::Valid(_) => (Judgement::Valid, String::new()),
            Verdict::Undecided { missing } => return Ok(Outcome::Undecided { missing }),
            Verdict::Invalid { block, reason } => {
                let words = reason.to_string();
                let unnamed = |_| Refused::Failed(format!("no reason in the log stands for: {words}"));
                let reason = reason.code().parse().map_err(unnamed)?;
                (Judgement::Invalid { reason, block }, words)
            }
        };
        let logged = self.engine.challenge(commitment, witness_hash, STF_VERSION, judgement).await;
        let log_seq = match logged {
            Ok(log_seq) => log_seq,
            Err(Failure::Refused(ChallengeRefusal::AlreadyVerified(_))) => return Ok(Outcome::Valid { log_seq: None }),
            Err(Failure::Refused(refusal)) => return Err(refusal.into()),
            Err(failure) => return Err(Refused::Failed(failure.to_string())),
        };
        tracing::info!(%commitment, ?judgement, words, "challenge judged");
        Ok(match judgement {
            Judgement::Valid => Outcome::Valid { log_seq: Some(log_seq) },
            Judgement::Invalid { reason, block } => Outcome::Invalid { reason, block, words, log_seq },
        })
    }
}

/// The commitment, and where its batch starts: what comes before it in the log, and the header that the challenger
/// brought, whose hash the log knows.
fn before<'a>(chain: &'a Chain, commitment: B256, parent_header: &[u8]) -> Result<(&'a Record, Checkpoint), Refused> {
    let found = chain.pending_with_parent(commitment);
    let (record, parent) = found.ok_or(ChallengeRefusal::NotPending(commitment))?;
    Ok((record, checkpoint(chain, parent, parent_header)?))
}

/// Where a batch on `parent` starts (`None`: on genesis).
fn checkpoint(chain: &Chain, parent: Option<&Record>, parent_header: &[u8]) -> Result<Checkpoint, Refused> {
    let inbox_acc = parent.map_or(B256::ZERO, |parent| parent.signed.header.inbox_acc);
    let parent = parent.map_or(chain.rules().genesis, Parent::of);
    let mut rest = parent_header;
    let header = BlockHeader::decode(&mut rest).map_err(|error| Refused::WrongParent(error.to_string()))?;
    if !rest.is_empty() {
        return Err(Refused::WrongParent("bytes follow it".to_owned()));
    }
    let hash = header.hash_slow();
    if hash != parent.block_hash {
        return Err(Refused::WrongParent(format!("its hash is {hash}, that block's is {}", parent.block_hash)));
    }
    Ok(Checkpoint {
        next_batch: parent.next_index,
        commitment: parent.commitment,
        block: Block { header, hash },
        inbox_cursor: parent.inbox_cursor,
        inbox_acc,
    })
}
