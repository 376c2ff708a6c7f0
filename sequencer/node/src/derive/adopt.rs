//! A sequencer whose data is older than what settlement holds, or gone, first derives what is there.
//!
//! Blocks that it has and that are in batches of the log are kept as they are; what is missing is derived; and if it
//! has other blocks than the log at the same heights, it does not start: what it has confirmed is never dropped without
//! being asked. Afterwards its next batch follows the newest commitment, so that there is no second signature for any
//! place that the log has.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use weft_primitives::B256;
use weft_primitives::batch::Batch;
use weft_service::{Readiness, Shutdown};
use weft_settlement::{Record, Terms};
use weft_wire::SettlementClient;

use super::driver::{finalized, follow, stage, stored};
use super::pipeline::Supply;
use super::{DeriveError, Deriver, Job, LogReader, LogView, Payloads, Plan, Progress, plan, rules, terms};
use crate::batcher::blocking;
use crate::chain::Chain;
use crate::store::{BatchRecord, LogState, StoreError};

/// How long settlement is waited for before a sequencer starts without it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Between two tries to reach it.
const PAUSE: Duration = Duration::from_millis(100);

/// Brings a sequencer's chain to where settlement is, if it is behind. Without settlement it returns after a moment:
/// a sequencer works alone, and posts nothing before it has read the log.
pub async fn catch_up(
    chain: &Arc<Chain>,
    settlement: &SettlementClient,
    payloads: Arc<dyn Payloads>,
    readiness: &Readiness,
    progress: watch::Sender<Progress>,
    shutdown: &Shutdown,
) -> Result<(), DeriveError> {
    let store = chain.store();
    let deriving = store.is_deriving()?;
    let Some((tip, terms)) = Box::pin(shutdown.unless(reach(settlement, deriving))).await.flatten() else {
        return Ok(());
    };
    let behind = match tip {
        Some((index, hash)) => store.batch(index)?.is_none_or(|own| own.signed.is_none() || own.header.hash() != hash),
        None => false,
    };
    if !behind && !deriving {
        return Ok(());
    }
    if !deriving && forced_next(chain, settlement, tip).await? {
        // Whoever follows the log takes back what was never posted, and puts the forced block in its place.
        return Ok(());
    }
    tracing::info!(batches = tip.map(|(index, _)| index + 1), "settlement has more than this folder: deriving it");
    store.begin_deriving()?;
    let view = LogView::new(rules(chain.config(), terms)?);
    let seen = store.log_state()?;
    let (client, kept) = (settlement.clone(), Some(chain.clone()));
    let reader = LogReader { client, view: view.clone(), seen, readiness: readiness.clone(), kept };
    reader.run_to_end(shutdown.clone()).await?;
    let supply = Supply::new(payloads.clone(), view.clone())?;
    if shutdown.unless(adopt(chain, &view, &supply)).await.transpose()?.is_none() {
        return Ok(());
    }
    Box::pin(Deriver::new(chain.clone(), view.clone(), payloads, progress)?.catch_up(shutdown)).await?;
    if shutdown.is_triggered() {
        return Ok(());
    }
    let chain = chain.clone();
    blocking(move || -> Result<(), DeriveError> {
        let frozen = view.look(|replay| replay.chain().head().frozen) == Some(true);
        let halt = frozen.then_some("settlement holds evidence against our key and has frozen posting".to_owned());
        let heads = chain.heads();
        follow(&chain, &view, finalized(&chain)?, Some(halt.as_deref()))?;
        tracing::info!(latest = heads.latest, batches = stored(&chain)?, "derived all that settlement has");
        Ok(())
    })
    .await
}

/// Settlement's newest commitment, and its terms. `None` if it does not answer; with `insist` it is
/// waited for as long as it takes.
async fn reach(settlement: &SettlementClient, insist: bool) -> Option<(Option<(u64, B256)>, Terms)> {
    let start = Instant::now();
    loop {
        let answers = tokio::time::timeout(PATIENCE, async { tokio::join!(settlement.tip(), settlement.info()) }).await;
        if let Ok((Ok(tip), Ok(info))) = answers
            && let Ok(terms) = terms(&info)
        {
            return Some((tip.tip, terms));
        }
        if start.elapsed() >= PATIENCE && !insist {
            tracing::warn!("settlement does not answer: starting without knowing what it has");
            return None;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the first commitment that the store has not, or not like this, is a forced one. `false` if settlement does not
/// answer.
async fn forced_next(
    chain: &Chain,
    settlement: &SettlementClient,
    tip: Option<(u64, B256)>,
) -> Result<bool, StoreError> {
    let store = chain.store();
    let posted = tip.map_or(0, |(index, _)| index + 1);
    let mut index = store.last_batch()?.map_or(0, |batch| batch.header.batch_index + 1).min(posted);
    while let Some(before) = index.checked_sub(1) {
        let Ok(theirs) = settlement.commitment(before).await else { return Ok(false) };
        let own = store.batch(before)?.and_then(|own| own.signed);
        if own.is_some_and(|own| own.header.hash() == theirs.commitment) {
            break;
        }
        index = before;
    }
    Ok(index < posted && settlement.commitment(index).await.is_ok_and(|view| view.signed.is_forced()))
}

/// Keeps what the log and the store have in common, as the log has it: batches may have been cut otherwise. What is
/// stored after that ends where a batch ends.
pub(super) async fn adopt(chain: &Arc<Chain>, view: &LogView, supply: &Supply) -> Result<(), DeriveError> {
    loop {
        let (own, log) = (chain.clone(), view.clone());
        let Some(job) = blocking(move || next(&own, &log)).await? else { return Ok(()) };
        let claim = &job.record.signed.header;
        let latest = chain.heads().latest;
        if latest >= claim.last_block {
            let chain = chain.clone();
            blocking(move || keep(&chain, &job.record)).await?;
            continue;
        }
        if latest < claim.first_block {
            let (chain, first) = (chain.clone(), job.index());
            return blocking(move || Ok(chain.store().forget_batches(first)?)).await;
        }
        // The log gives up nothing before its end, which was read.
        let Some(payload) = supply.payload(&job).await else { return Ok(()) };
        let chain = chain.clone();
        return blocking(move || cut_back(&chain, &job, &payload)).await;
    }
}

/// The first batch of the log that the store has not, or not as the log has it.
fn next(chain: &Chain, view: &LogView) -> Result<Option<Job>, DeriveError> {
    let store = chain.store();
    let mut count = stored(chain)?;
    let planned = view.look(|replay| {
        let agrees = |index: u64| -> Result<bool, StoreError> {
            let own = store.batch(index)?.filter(|own| own.signed.is_some());
            let theirs = replay.history().canonical(index);
            Ok(own.zip(theirs).is_some_and(|(own, theirs)| own.header.hash() == theirs.commitment))
        };
        while let Some(index) = count.checked_sub(1) {
            if agrees(index)? {
                break;
            }
            count = index;
        }
        plan(replay, count, 0, None, |index| store.batch(index))
    });
    match planned.transpose()? {
        Some(Plan::Extend(jobs)) => {
            let Some(job) = jobs.into_iter().next() else { return Ok(None) };
            let claim = &job.record.signed.header;
            // A signature of ours for a place that has another: whatever it says, it must not be forgotten.
            if store.batch(job.index())?.is_some_and(|own| own.signed.is_some()) {
                return Err(DeriveError::Conflict { first: claim.first_block, batch: job.index() });
            }
            Ok(Some(job))
        }
        _ => Ok(None),
    }
}

/// All blocks of a batch are here: they are the same, or nothing is touched.
fn keep(chain: &Chain, record: &Record) -> Result<(), DeriveError> {
    let (store, claim) = (chain.store(), &record.signed.header);
    let last = store.block(claim.last_block)?.ok_or(StoreError::Damaged { what: "block" })?;
    // A block's hash binds all blocks before it.
    if last.hash != claim.last_block_hash {
        return Err(DeriveError::Conflict { first: claim.first_block, batch: claim.batch_index });
    }
    store.forget_batches(claim.batch_index)?;
    let batch = BatchRecord { stage: stage(record.status), header: claim.clone(), signed: Some(record.signed.clone()) };
    Ok(store.put_derived([], &batch)?)
}

/// The last blocks here are the first of a batch: they are the same, or nothing is touched. They are taken back, to be
/// derived with the rest of it.
fn cut_back(chain: &Chain, job: &Job, payload: &[u8]) -> Result<(), DeriveError> {
    let (store, claim) = (chain.store(), &job.record.signed.header);
    let conflict = |first| DeriveError::Conflict { first, batch: claim.batch_index };
    let batch = Batch::decode(payload).map_err(|_| conflict(claim.first_block))?;
    let latest = chain.heads().latest;
    for (number, theirs) in (claim.first_block..=latest).zip(&batch.blocks) {
        let own = store.block(number)?.ok_or(StoreError::Damaged { what: "block" })?;
        let same = own.header.timestamp == theirs.timestamp
            && own.body.inbox_count == theirs.inbox_count
            && own.body.sequenced().iter().map(|own| own.raw()).eq(&theirs.transactions);
        if !same {
            return Err(conflict(number));
        }
    }
    store.forget_batches(claim.batch_index)?;
    let log: LogState = store.log_state()?;
    Ok(chain.roll_back(claim.first_block - 1, claim.batch_index, &log)?)
}
