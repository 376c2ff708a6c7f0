//! Does what is planned, and tells how far it is.

use std::sync::Arc;

use futures::{StreamExt, stream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;
use weft_execution::parallel::Engine;
use weft_execution::verify::Checkpoint;
use weft_primitives::{B256, InboxItem};
use weft_service::Shutdown;
use weft_settlement::{BrokenPromise, Replay, Status};

use super::judge::{Judged, judge};
use super::pipeline::{AHEAD, Supply, on, threads};
use super::plan::Refused;
use super::{DeriveError, Disagreement, Job, LogView, Payloads, Plan, Progress, plan};
use crate::batcher::blocking;
use crate::chain::{Chain, ChainError, FullBlock};
use crate::store::{BatchRecord, BatchStage, LogState, PostingKey, StoreError, ViewNews};

/// Inbox items stored in one write.
const MOST_ITEMS: usize = 4_096;

/// Batches left from which on it is catching up rather than keeping up.
const CATCHING_UP: u64 = 8;

type Writing = JoinHandle<Result<Vec<Arc<FullBlock>>, ChainError>>;

/// Makes a chain follow a log. There must be only one for a chain, and no producer.
pub struct Deriver {
    chain: Arc<Chain>,
    supply: Supply,
    view: LogView,
    execute: Arc<rayon::ThreadPool>,
    /// Kept from batch to batch, but for the one that is being executed.
    engine: Option<Engine>,
    refused: Option<Refused>,
    /// Stored batches that are final.
    finalized: u64,
    progress: watch::Sender<Progress>,
}

impl Deriver {
    /// Derives `chain` from what is in `view` and what `payloads` has.
    pub fn new(
        chain: Arc<Chain>,
        view: LogView,
        payloads: Arc<dyn Payloads>,
        progress: watch::Sender<Progress>,
    ) -> Result<Self, DeriveError> {
        let finalized = finalized(&chain)?;
        let (supply, execute) = (Supply::new(payloads, view.clone())?, threads("derive")?);
        Ok(Self { chain, supply, view, execute, engine: None, refused: None, finalized, progress })
    }

    /// Derives until shutdown. `caught_up` is called each time that nothing is left to do of what the log has.
    pub async fn run(mut self, shutdown: Shutdown, caught_up: impl Fn()) -> Result<(), DeriveError> {
        let mut news = self.view.watch();
        while !shutdown.is_triggered() {
            news.borrow_and_update();
            match Box::pin(shutdown.unless(self.step())).await {
                None => break,
                Some(step) => {
                    if step? {
                        continue;
                    }
                }
            }
            if self.view.is_at_end() {
                caught_up();
            }
            // The view is there as long as this is.
            shutdown.unless(news.changed()).await;
        }
        Ok(())
    }

    /// Derives all that is in the view now.
    pub async fn catch_up(mut self, shutdown: &Shutdown) -> Result<(), DeriveError> {
        while let Some(step) = Box::pin(shutdown.unless(self.step())).await {
            if !step? {
                break;
            }
        }
        Ok(())
    }

    /// Does what comes next; false if that is nothing before the log says more.
    async fn step(&mut self) -> Result<bool, DeriveError> {
        // What is stored may come from a later part of the log than was read since the start.
        if !self.view.is_at_end() {
            return Ok(false);
        }
        match self.plan().await? {
            Plan::Wait => {
                self.follow().await?;
                self.tell(Left::default());
                Ok(false)
            }
            Plan::Extend(jobs) => {
                let more = self.extend(jobs).await?;
                self.follow().await?;
                Ok(more)
            }
            Plan::RollBack { to, first_batch } => {
                self.roll_back(to, first_batch).await?;
                Ok(true)
            }
            Plan::Stop(disagreement) => Err(disagreement.into()),
        }
    }

    async fn plan(&self) -> Result<Plan, DeriveError> {
        let (chain, view) = (self.chain.clone(), self.view.clone());
        let (finalized, refused) = (self.finalized, self.refused.clone());
        let (planned, left) = blocking(move || -> Result<_, StoreError> {
            let store = chain.store();
            let stored = stored(&chain)?;
            let look = |replay: &Replay| {
                let planned = plan(replay, stored, finalized, refused.as_ref(), |index| store.batch(index))?;
                Ok((planned, left(replay, stored)))
            };
            view.look(look).unwrap_or_else(|| Ok((Plan::Wait, Left::default())))
        })
        .await?;
        if matches!(planned, Plan::Extend(_)) {
            self.tell(left);
        }
        Ok(planned)
    }

    fn tell(&self, left: Left) {
        let Left { batches: batches_left, transactions: transactions_left, newest_block } = left;
        self.progress.send_modify(|progress| {
            let catching_up = batches_left >= CATCHING_UP || (progress.catching_up && batches_left > 0);
            if catching_up && !progress.catching_up {
                *progress = Progress::default();
            }
            *progress = Progress { catching_up, batches_left, transactions_left, newest_block, ..*progress };
        });
    }

    /// Judges batches in order and keeps the valid ones; false if the next one is refused.
    async fn extend(&mut self, jobs: Vec<Job>) -> Result<bool, DeriveError> {
        let mut checkpoint = self.checkpoint().await?;
        let (chain_id, supply) = (self.chain.config().chain_id(), self.supply.clone());
        let prepare = |job| AbortOnDropHandle::new(tokio::spawn(supply.clone().prepared(chain_id, job)));
        let mut prepared = stream::iter(jobs).map(prepare).buffered(AHEAD);
        let mut writing: Option<Writing> = None;
        while let Some(next) = prepared.next().await {
            // Given up by the log: plan again.
            let Some((job, prepared)) = next.map_err(|_| DeriveError::Panicked)?? else { break };
            let index = job.index();
            let (chain, built_on) = (self.chain.clone(), checkpoint.clone());
            let mut engine = self.engine.take();
            let (engine, job, judged) = on(&self.execute, move || {
                let mut engine = engine.take().unwrap_or_else(Engine::on_all_threads);
                let judged = judge(&chain, &mut engine, &built_on, &job, prepared);
                (engine, job, judged)
            })
            .await?;
            self.engine = Some(engine);
            match judged {
                Judged::Valid { blocks, checkpoint: after } => {
                    checkpoint = *after;
                    written(writing.take()).await?;
                    self.done(&job);
                    let signed = job.record.signed;
                    let batch =
                        BatchRecord { stage: BatchStage::Posted, header: signed.header.clone(), signed: Some(signed) };
                    let chain = self.chain.clone();
                    writing = Some(tokio::task::spawn_blocking(move || chain.persist_batch(blocks, &batch)));
                }
                Judged::Invalid { why } => {
                    written(writing.take()).await?;
                    self.refuse(&job, why);
                    return Ok(true);
                }
                Judged::Undecided { missing } => {
                    written(writing.take()).await?;
                    return Err(DeriveError::Undecided { index, missing });
                }
            }
        }
        written(writing).await?;
        Ok(true)
    }

    fn refuse(&mut self, job: &Job, why: String) {
        let (index, commitment) = (job.index(), job.record.commitment);
        metrics::counter!("weft_node_batches_refused_total").increment(1);
        tracing::error!(batch = index, %commitment, why, "batch refused as a whole: it is not valid");
        self.refused = Some(Refused { commitment, why });
    }

    fn done(&self, job: &Job) {
        let claim = &job.record.signed.header;
        let blocks = claim.last_block - claim.first_block + 1;
        metrics::counter!("weft_node_batches_verified_total").increment(1);
        metrics::counter!("weft_node_blocks_verified_total").increment(blocks);
        metrics::counter!("weft_node_transactions_verified_total").increment(claim.tx_count);
        metrics::counter!("weft_node_gas_verified_total").increment(claim.gas_used);
        self.progress.send_modify(|progress| progress.done(blocks, claim.tx_count, claim.gas_used));
        tracing::debug!(batch = job.index(), blocks, transactions = claim.tx_count, "batch is valid");
    }

    /// Where the next batch must begin: the end of what is stored.
    async fn checkpoint(&self) -> Result<Checkpoint, DeriveError> {
        let chain = self.chain.clone();
        let last = blocking(move || chain.store().last_batch()).await?;
        let tip = self.chain.tip();
        Ok(Checkpoint {
            next_batch: last.as_ref().map_or(0, |batch| batch.header.batch_index + 1),
            commitment: last.map_or(B256::ZERO, |batch| batch.header.hash()),
            block: tip.parent,
            inbox_cursor: tip.inbox_cursor,
            inbox_acc: tip.inbox_acc,
        })
    }

    async fn roll_back(&self, to: u64, first_batch: u64) -> Result<(), DeriveError> {
        let latest = self.chain.heads().latest;
        let chain = self.chain.clone();
        blocking(move || -> Result<(), DeriveError> {
            let mut log = chain.store().log_state()?;
            log.safe = log.safe.min(to);
            Ok(chain.roll_back(to, first_batch, &log)?)
        })
        .await?;
        metrics::counter!("weft_node_rollbacks_total").increment(1);
        tracing::warn!(to, latest, first_batch, "settlement rejected batches: their blocks are taken back");
        Ok(())
    }

    /// Stores what the log says of the inbox and of stored batches; `safe` and `finalized` follow.
    async fn follow(&mut self) -> Result<(), DeriveError> {
        let (chain, view, finalized) = (self.chain.clone(), self.view.clone(), self.finalized);
        let follow = move || -> Result<_, DeriveError> {
            let finalized = follow(&chain, &view, finalized, None)?;
            let broken = view.look(|replay| replay.history().broken_promises().to_vec()).unwrap_or_default();
            broken.iter().try_for_each(|(_, broken)| check_evidence(&chain, broken))?;
            Ok(finalized)
        };
        self.finalized = blocking(follow).await?;
        Ok(())
    }
}

/// What the log says of a broken promise must be what was executed here, if that is still here. There are as many as the
/// admin has changed the key after.
fn check_evidence(chain: &Chain, broken: &BrokenPromise) -> Result<(), DeriveError> {
    let (store, number, commitment) = (chain.store(), broken.promise.promise.number, broken.commitment);
    let in_it = store.batch_of(number)?.is_some_and(|batch| batch.header.hash() == commitment);
    let block = if in_it { store.block(number)? } else { None };
    let ours = block.map_or(broken.stands, |block| block.hash);
    if ours == broken.stands {
        return Ok(());
    }
    Err(Disagreement::FalseEvidence { number, commitment, theirs: broken.stands, ours }.into())
}

async fn written(writing: Option<Writing>) -> Result<(), DeriveError> {
    if let Some(writing) = writing {
        writing.await.map_err(|_| DeriveError::Panicked)??;
    }
    Ok(())
}

/// Batches in the store.
pub(super) fn stored(chain: &Chain) -> Result<u64, StoreError> {
    Ok(chain.store().last_batch()?.map_or(0, |batch| batch.header.batch_index + 1))
}

/// Those of them that are final: all before the last one that is.
pub(super) fn finalized(chain: &Chain) -> Result<u64, StoreError> {
    let mut count = stored(chain)?;
    while let Some(index) = count.checked_sub(1) {
        if chain.store().batch(index)?.is_some_and(|batch| batch.stage == BatchStage::Finalized) {
            break;
        }
        count = index;
    }
    Ok(count)
}

/// What the log has and the store has not.
#[derive(Clone, Copy, Default)]
struct Left {
    batches: u64,
    transactions: u64,
    newest_block: u64,
}

fn left(replay: &Replay, stored: u64) -> Left {
    replay.history().canonical_from(stored).fold(Left::default(), |left, record| {
        let claim = &record.signed.header;
        let (batches, transactions) = (left.batches + 1, left.transactions + claim.tx_count);
        Left { batches, transactions, newest_block: claim.last_block }
    })
}

/// Stores what the log says, of batches from `finalized` on; how many of them are final now. With `ends`, deriving is
/// over; inside, why nothing may be posted.
pub(super) fn follow(
    chain: &Chain,
    view: &LogView,
    finalized: u64,
    ends: Option<Option<&str>>,
) -> Result<u64, StoreError> {
    let store = chain.store();
    let (before, latest) = (store.log_state()?, chain.heads().latest);
    let mut moved = Vec::new();
    let mut last_final = finalized;
    // What the log says of a height is true of the block here only up to the last batch that is the log's.
    let before_first = finalized.checked_sub(1).map(|index| store.batch(index)).transpose()?.flatten();
    let mut agreed = before_first.map_or(0, |batch| batch.header.last_block);
    for index in finalized.. {
        let Some(batch) = store.batch(index)? else { break };
        let look = |replay: &Replay| {
            let record = replay.history().canonical(index).filter(|record| record.commitment == batch.header.hash());
            record.map(|record| stage(record.status))
        };
        let Some(Some(now)) = view.look(look) else { break };
        agreed = batch.header.last_block;
        if now == BatchStage::Finalized {
            last_final = index + 1;
        }
        if now > batch.stage {
            moved.push(BatchRecord { stage: now, ..batch });
        }
    }
    let known = latest.min(agreed);
    let mut log = before;
    loop {
        let have = log.inbox_len;
        let look = |replay: &Replay| {
            let (machine, head) = (replay.chain(), replay.chain().head());
            let rows = replay.history().inbox().iter().skip(usize::try_from(have).unwrap_or(usize::MAX));
            let items: Vec<InboxItem> = rows.take(MOST_ITEMS).map(|row| row.item.clone()).collect();
            let log = LogState {
                seq: head.log_seq,
                hash: head.log_hash,
                time_ms: head.log_time_ms,
                safe: machine.available_block().min(known),
                finalized: machine.final_parent().block.min(known),
                inbox_len: have + items.len() as u64,
                posting: head.posting_key.map(|address| PostingKey { address, epoch: head.epoch }),
            };
            (log, items)
        };
        let Some((now, items)) = view.look(look) else { return Ok(last_final) };
        let full = items.len() == MOST_ITEMS;
        // The log counts as followed up to its end only with the last of the items.
        let now = if full { LogState { inbox_len: now.inbox_len, ..log } } else { now };
        let ends_with = ends.filter(|_| !full);
        if now != before || !moved.is_empty() || ends_with.is_some() {
            store.put_view(&ViewNews { log: &now, items: &items, batches: &moved, ends_with })?;
        }
        log = now;
        if !full {
            break;
        }
    }
    chain.settle(log.safe, log.finalized);
    Ok(last_final)
}

/// How far a batch is, as a batch's record says it.
pub(super) const fn stage(status: Status) -> BatchStage {
    match status {
        Status::Posted => BatchStage::Posted,
        Status::Finalized => BatchStage::Finalized,
        Status::Rejected | Status::Orphaned => BatchStage::Rejected,
        _ => BatchStage::Available,
    }
}
