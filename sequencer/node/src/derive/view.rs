//! The settlement log, replayed by settlement's rules as it comes in.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use tokio::sync::watch;
use weft_execution::{Parent as Block, STF_VERSION, World};
use weft_primitives::{ChainConfig, Signature};
use weft_service::backoff::Backoff;
use weft_service::{Readiness, Shutdown};
use weft_settlement::{LogEntry, Mode, Parent, Replay, ReplayError, Rules, Terms};
use weft_wire::convert::address;
use weft_wire::pb::settlement::v1 as pb;
use weft_wire::{RemoteError, SettlementClient};

use super::DeriveError;
use crate::batcher::blocking;
use crate::chain::{Chain, ChainError};
use crate::store::LogState;

/// Readiness condition: settlement's log goes on from what was seen of it.
const LOG: &str = "settlement_log";

/// Kept entries read at once.
const KEPT_AT_ONCE: usize = 1_024;

/// The terms of a chain's settlement, by the word of the service. They are the operator's choice; what contradicts them
/// in the log is found out.
pub fn terms(info: &pb::GetInfoResponse) -> Result<Terms, RemoteError> {
    let mode = match info.mode.as_str() {
        "verified" => Mode::Verified,
        "optimistic" => Mode::Optimistic { window_ms: info.challenge_window_ms },
        other => return Err(RemoteError::protocol(format!("settlement runs in an unknown mode: {other:?}"))),
    };
    let verifiers = info.verifiers.iter().map(|verifier| address("verifiers", verifier));
    let admin = (!info.admin_address.is_empty()).then(|| address("admin_address", &info.admin_address));
    let terms = Terms {
        sequencer: address("sequencer_address", &info.sequencer_address)?,
        admin: admin.transpose()?,
        mode,
        availability_deadline_ms: info.availability_deadline_ms,
        verifiers: verifiers.collect::<Result<_, _>>()?,
        verifiers_needed: info.verifiers_needed as usize,
    };
    terms.checked().map_err(|error| RemoteError::protocol(format!("settlement's terms: {error}")))
}

/// The rules by which a chain's log is judged.
pub fn rules(chain: &ChainConfig, terms: Terms) -> Result<Rules, ChainError> {
    let genesis = Block::new(World::genesis(chain)?.1);
    Ok(Rules {
        chain_id: chain.chain_id(),
        config_hash: chain.hash(),
        genesis: Parent::genesis(genesis.hash, genesis.header.state_root, genesis.header.timestamp),
        stf_version: STF_VERSION,
        genesis_supply: chain.supply(),
        inbox_deadline_ms: chain.params().inbox_deadline_ms,
        inbox_grace_ms: chain.params().inbox_grace_ms,
        terms,
    })
}

/// What the log says so far. Cheap to clone. Memory grows with the log.
#[derive(Clone, Debug)]
pub struct LogView {
    replay: Arc<Mutex<Replay>>,
    /// Sequence number of the newest entry.
    newest: watch::Sender<u64>,
    /// Where the log ended when it was last asked; `None` before.
    end: Arc<Mutex<Option<u64>>>,
}

impl LogView {
    /// Of an empty log.
    pub fn new(rules: Rules) -> Self {
        Self { replay: Arc::new(Mutex::new(Replay::new(rules))), newest: watch::Sender::new(0), end: Arc::default() }
    }

    fn locked(&self) -> MutexGuard<'_, Replay> {
        self.replay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next entry.
    pub fn push(&self, entry: &LogEntry) -> Result<(), ReplayError> {
        self.locked().push(entry)?;
        self.newest.send_replace(entry.seq);
        metrics::gauge!("weft_node_log_entries").set(entry.seq as f64);
        Ok(())
    }

    /// Asks the log as it is now; `None` between two entries that belong together. Be quick.
    pub fn look<T>(&self, ask: impl FnOnce(&Replay) -> T) -> Option<T> {
        let replay = self.locked();
        replay.is_complete().then(|| ask(&replay))
    }

    /// To be told of new entries.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Sequence number of the newest entry.
    pub fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// The log goes on up to this entry at least.
    pub fn expect(&self, end: u64) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        // Whoever waits may be at the end without another entry: an empty log has none.
        self.newest.send_modify(|_| ());
    }

    /// Whether all was read that was there when the log was last asked.
    pub fn is_at_end(&self) -> bool {
        let end = *self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.is_some_and(|end| self.newest() >= end)
    }
}

/// Reads the log into a view.
pub struct LogReader {
    /// The service that has it.
    pub client: SettlementClient,
    /// Where it goes.
    pub view: LogView,
    /// What an earlier run has seen of it.
    pub seen: LogState,
    /// Told while the log is another than the one seen before.
    pub readiness: Readiness,
    /// Where entries are kept, if they are.
    pub kept: Option<Arc<Chain>>,
}

/// Why reading stopped for the moment.
enum Interruption {
    Remote(RemoteError),
    Foreign(String),
    Fatal(DeriveError),
}

impl From<RemoteError> for Interruption {
    fn from(error: RemoteError) -> Self {
        Self::Remote(error)
    }
}

impl LogReader {
    /// Reads until shutdown. Fails only if the log breaks its own rules.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), DeriveError> {
        self.read(None, &shutdown).await
    }

    /// Reads up to the end that the log has now, or until shutdown.
    pub async fn run_to_end(self, shutdown: Shutdown) -> Result<(), DeriveError> {
        let mut backoff = Backoff::default();
        let end = loop {
            match shutdown.unless(self.client.tip()).await {
                None => return Ok(()),
                Some(Ok(tip)) => break tip.log.0,
                Some(Err(error)) => tracing::debug!(%error, "settlement"),
            }
            shutdown.unless(tokio::time::sleep(backoff.delay())).await;
        };
        self.read(Some(end), &shutdown).await
    }

    async fn read(&self, until: Option<u64>, shutdown: &Shutdown) -> Result<(), DeriveError> {
        self.recall(shutdown).await?;
        let mut backoff = Backoff::default();
        loop {
            match shutdown.unless(self.follow(until, &mut backoff)).await {
                None | Some(Ok(())) => return Ok(()),
                Some(Err(Interruption::Fatal(error))) => return Err(error),
                Some(Err(Interruption::Remote(error))) => tracing::debug!(%error, "settlement log interrupted"),
                Some(Err(Interruption::Foreign(why))) => self.foreign(why),
            }
            if shutdown.unless(tokio::time::sleep(backoff.delay())).await.is_none() {
                return Ok(());
            }
        }
    }

    /// Puts what was kept into the view: by the same rules as what is read.
    async fn recall(&self, shutdown: &Shutdown) -> Result<(), DeriveError> {
        while let (Some(kept), false) = (&self.kept, shutdown.is_triggered()) {
            let (chain, view, next) = (kept.clone(), self.view.clone(), self.view.newest() + 1);
            let recalled = blocking(move || -> Result<usize, DeriveError> {
                let entries = chain.store().kept_log(next, KEPT_AT_ONCE)?;
                entries.iter().try_for_each(|entry| view.push(entry))?;
                Ok(entries.len())
            });
            if recalled.await? == 0 {
                break;
            }
        }
        Ok(())
    }

    fn keep(&self, entry: &LogEntry, signature: Option<Signature>) -> Result<(), DeriveError> {
        let keep = |chain: &Arc<Chain>| chain.store().keep_log_entry(entry, signature);
        Ok(self.kept.as_ref().map_or(Ok(()), keep)?)
    }

    /// Says it once; it is looked at again and again.
    fn foreign(&self, why: String) {
        if self.readiness.missing().get(LOG) != Some(&why) {
            tracing::error!("{why}");
            self.readiness.unset(LOG, why);
        }
    }

    async fn follow(&self, until: Option<u64>, backoff: &mut Backoff) -> Result<(), Interruption> {
        let end = self.client.tip().await?.log.0;
        let have = self.view.newest();
        let most = have.max(self.seen.seq);
        if end < most {
            return Err(Interruption::Foreign(format!(
                "settlement's log ends at entry {end}, but entry {most} was seen before: is this another settlement \
                 service, or was its database restored from an older copy?"
            )));
        }
        self.view.expect(end);
        if until.is_some_and(|until| have >= until) {
            return Ok(());
        }
        let newest = self.view.look(|replay| replay.chain().head().log_hash);
        let mut log = self.client.subscribe_signed_log(have + 1).await?;
        self.readiness.set(LOG);
        while let Some(entry) = log.next().await {
            let (entry, signature) = entry?;
            // What was kept, or read before the connection broke, is followed by this.
            let strays = entry.seq == have + 1 && newest.is_some_and(|newest| newest != entry.prev_hash);
            if strays || (entry.seq == self.seen.seq && entry.hash() != self.seen.hash) {
                let seq = entry.seq;
                return Err(Interruption::Foreign(format!(
                    "settlement's log at entry {seq} is not the one that was seen before: is this another settlement \
                     service, or was its database replaced?"
                )));
            }
            self.view.push(&entry).map_err(|error| Interruption::Fatal(error.into()))?;
            self.keep(&entry, signature).map_err(Interruption::Fatal)?;
            if until.is_some_and(|until| entry.seq >= until) {
                return Ok(());
            }
            backoff.reset();
        }
        Err(RemoteError::protocol("the log stream ended").into())
    }
}
