//! A follower holds the sequencer to its word.
//!
//! Three parts, each at its own pace: listening to the sequencer, comparing
//! what was promised with what was derived, reporting evidence. Evidence is on
//! the disk before it is reported, and is reported again after a restart.
//! Promises that wait are in memory alone: a restart forgets them.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::mpsc;
use weft_primitives::{Bytes, Evidence, SignedPromise};
use weft_service::Shutdown;
use weft_service::backoff::Backoff;
use weft_settlement::{BrokenPromise, PromiseRefusal};
use weft_wire::{RemoteError, SequencerClient, SettlementClient};

use super::Kept;
use crate::batcher::blocking;
use crate::chain::Chain;
use crate::derive::{DeriveError, LogView};
use crate::store::StoreError;

/// Promises that wait for their block, at most.
const MAX_KEPT: usize = 65_536;

/// Evidence that waits to be reported, at most. One piece freezes posting; more wait in their files.
const MAX_UNREPORTED: usize = 64;

/// Between two looks at promises while the log says nothing new of their blocks.
const PAUSE: Duration = Duration::from_millis(500);

/// Ending of the files that hold evidence.
const EXTENSION: &str = "evidence";

/// Holds one sequencer to its word.
pub struct Watcher {
    chain: Arc<Chain>,
    view: LogView,
    sequencer: SequencerClient,
    settlement: SettlementClient,
    folder: PathBuf,
    kept: Mutex<Kept>,
    /// Broken promises found since the start.
    broken: Arc<AtomicU64>,
}

/// What was found about a promise whose block is derived.
enum Found {
    /// It was kept.
    Kept,
    /// The block was taken back meanwhile, or the log is in the middle of something.
    NotNow,
    /// Another block stands, but that is no fault, or cannot be shown.
    Nothing(PromiseRefusal),
    /// It was broken; whether settlement has still to be told.
    Broken { evidence: Evidence, tell: bool },
}

impl Watcher {
    /// Of what `sequencer` promises about the blocks that `chain` derives from `view`. Evidence goes to files in `folder` and
    /// to `settlement`; `broken` counts it.
    pub fn new(
        chain: Arc<Chain>,
        view: LogView,
        sequencer: SequencerClient,
        settlement: SettlementClient,
        folder: PathBuf,
        broken: Arc<AtomicU64>,
    ) -> Self {
        let kept = Mutex::new(Kept::new(MAX_KEPT));
        Self { chain, view, sequencer, settlement, folder, kept, broken }
    }

    /// Watches until shutdown. Fails only if the chain's store does.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), DeriveError> {
        let (sender, receiver) = mpsc::channel(MAX_UNREPORTED);
        for evidence in stored(&self.folder) {
            // What does not fit is in its file.
            drop(sender.try_send(evidence));
        }
        let watching = Box::pin(async { tokio::join!(self.listen(), self.report(receiver), self.compare(&sender)).2 });
        shutdown.unless(watching).await.unwrap_or(Ok(()))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what the sequencer promises, for ever.
    async fn listen(&self) {
        let mut backoff = Backoff::default();
        loop {
            if let Err(error) = self.stream(&mut backoff).await {
                tracing::debug!(%error, "the sequencer's blocks are not heard");
            }
            tokio::time::sleep(backoff.delay()).await;
        }
    }

    async fn stream(&self, backoff: &mut Backoff) -> Result<(), RemoteError> {
        let mut blocks = self.sequencer.subscribe_blocks(Some(self.chain.heads().latest + 1)).await?;
        while let Some(message) = blocks.next().await {
            let (_, _, promise) = message?;
            promise.iter().for_each(|promise| self.take(promise));
            backoff.reset();
        }
        Err(RemoteError::protocol("the block stream ended"))
    }

    /// Keeps a promise of the posting key.
    fn take(&self, signed: &SignedPromise) {
        let key = self.view.look(|replay| replay.chain().posting_key());
        let outcome = match (key, signed.signer()) {
            // Between two entries: the key is looked at again when it matters.
            (None, Ok(_)) if self.kept().add(*signed) => "kept",
            (Some(key), Ok(signer)) if key == signer && self.kept().add(*signed) => "kept",
            (Some(key), Ok(signer)) if key != signer => "foreign",
            (_, Ok(_)) => "too_many",
            (_, Err(_)) => "unsigned",
        };
        metrics::counter!("weft_node_promises_heard_total", "outcome" => outcome).increment(1);
        metrics::gauge!("weft_node_promises_waiting").set(self.kept().len() as f64);
    }

    /// Compares promises with what was derived, for ever.
    async fn compare(&self, unreported: &mpsc::Sender<Evidence>) -> Result<(), DeriveError> {
        let mut heads = self.chain.watch_heads();
        loop {
            let latest = heads.borrow_and_update().latest;
            let due = self.kept().due(latest);
            for signed in due {
                self.settle(signed, unreported).await?;
            }
            // The heads go on as long as the chain does; what was put back is looked at after a while.
            drop(tokio::time::timeout(PAUSE, heads.changed()).await);
        }
    }

    async fn settle(&self, signed: SignedPromise, unreported: &mpsc::Sender<Evidence>) -> Result<(), DeriveError> {
        let (chain, view) = (self.chain.clone(), self.view.clone());
        match blocking(move || judge(&chain, &view, signed)).await? {
            Found::Kept => metrics::counter!("weft_node_promises_kept_total").increment(1),
            Found::NotNow => drop(self.kept().add(signed)),
            Found::Nothing(why) => {
                tracing::warn!(block = signed.promise.number, %why, "another block was promised, which proves nothing");
            }
            Found::Broken { evidence, tell } => {
                let promise = signed.promise;
                let (block, promised, commitment) = (promise.number, promise.block_hash, evidence.commitment);
                tracing::error!(block, %promised, %commitment, "the sequencer has promised another block than it posted");
                let found = self.broken.fetch_add(1, Ordering::Relaxed) + 1;
                metrics::gauge!("weft_node_broken_promises").set(found as f64);
                let (folder, kept) = (self.folder.clone(), evidence.clone());
                match blocking(move || store(&folder, &kept)).await {
                    Ok(path) => tracing::error!(path = %path.display(), "evidence is stored"),
                    // It is reported all the same.
                    Err(error) => tracing::error!(%error, "evidence cannot be stored"),
                }
                if tell {
                    // What does not fit is in its file.
                    drop(unreported.try_send(evidence));
                }
            }
        }
        Ok(())
    }

    /// Tells settlement, for ever.
    async fn report(&self, mut unreported: mpsc::Receiver<Evidence>) {
        while let Some(evidence) = unreported.recv().await {
            let (mut backoff, block) = (Backoff::default(), evidence.promise.promise.number);
            loop {
                match self.settlement.report_promise(&evidence).await {
                    Ok(logged) => {
                        tracing::warn!(
                            block,
                            log_seq = logged.log_seq,
                            "settlement has the evidence: posting is frozen"
                        );
                        break;
                    }
                    Err(error) if error.is_retryable() => tracing::debug!(%error, "evidence is not reported yet"),
                    Err(error) => {
                        tracing::warn!(block, %error, "settlement does not take the evidence");
                        break;
                    }
                }
                tokio::time::sleep(backoff.delay()).await;
            }
        }
    }
}

/// Compares a promise with the block that was derived.
fn judge(chain: &Chain, view: &LogView, signed: SignedPromise) -> Result<Found, StoreError> {
    let (store, promise) = (chain.store(), signed.promise);
    let Some(block) = store.block(promise.number)? else { return Ok(Found::NotNow) };
    if block.hash == promise.block_hash {
        return Ok(Found::Kept);
    }
    let Some(batch) = store.batch_of(promise.number)? else { return Ok(Found::NotNow) };
    let broken = BrokenPromise { promise: signed, commitment: batch.header.hash(), stands: block.hash };
    let judged = view.look(|replay| {
        let facts = replay.history().promise_facts(&promise, broken.commitment);
        replay.chain().judge_promise(&broken, &facts)
    });
    let tell = match judged {
        None | Some(Err(PromiseRefusal::UnknownCommitment(_))) => return Ok(Found::NotNow),
        Some(Ok(known)) => known.is_none(),
        // The next one finds the key frozen; it is evidence all the same.
        Some(Err(PromiseRefusal::PostingFrozen)) => false,
        Some(Err(why)) => return Ok(Found::Nothing(why)),
    };
    let mut headers = Vec::new();
    for number in (promise.number + 1..=batch.header.last_block).rev() {
        let Some(block) = store.block(number)? else { return Ok(Found::NotNow) };
        headers.push(Bytes::from(alloy_rlp::encode(&block.header)));
    }
    let evidence = Evidence { promise: signed, commitment: broken.commitment, headers };
    // Blocks may have been taken back on the way.
    match evidence.stands(&batch.header) {
        Ok(stands) if stands == block.hash => Ok(Found::Broken { evidence, tell }),
        _ => Ok(Found::NotNow),
    }
}

/// Writes evidence to a file of its own, durably.
fn store(folder: &Path, evidence: &Evidence) -> std::io::Result<PathBuf> {
    let promise = &evidence.promise.promise;
    let path = folder.join(format!("{}-{}.{EXTENSION}", promise.number, promise.hash()));
    let next = path.with_extension("new");
    std::fs::create_dir_all(folder)?;
    let mut file = File::create(&next)?;
    file.write_all(&evidence.encode())?;
    file.sync_all()?;
    std::fs::rename(&next, &path)?;
    File::open(folder)?.sync_all()?;
    if let Some(parent) = folder.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(path)
}

/// Evidence of earlier runs. What cannot be read is told, and left alone.
fn stored(folder: &Path) -> Vec<Evidence> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION));
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).map_err(|error| error.to_string());
        let evidence = bytes.and_then(|bytes| Evidence::decode(&bytes).map_err(|error| error.to_string()));
        evidence.inspect_err(|error| tracing::warn!(path = %path.display(), %error, "this is no evidence")).ok()
    };
    paths.take(MAX_UNREPORTED).filter_map(read).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use weft_primitives::{B256, Promise, Signer};

    #[test]
    fn evidence_is_there_after_a_restart() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("evidence");
        assert!(stored(&folder).is_empty());
        let promise =
            Promise { chain_id: 1, config_hash: B256::ZERO, base: B256::ZERO, number: 7, block_hash: B256::ZERO };
        let promise = promise.sign(&Signer::from_bytes([1; 32]).unwrap());
        let evidence = Evidence { promise, commitment: B256::repeat_byte(1), headers: vec![vec![1, 2].into()] };
        let path = store(&folder, &evidence).unwrap();
        assert_eq!(store(&folder, &evidence).unwrap(), path);
        std::fs::write(folder.join("1.new"), [0]).unwrap();
        std::fs::write(folder.join("2.evidence"), [0]).unwrap();
        assert_eq!(stored(&folder), [evidence]);
    }
}
