//! Whether the log is an old copy, and taking back what is missing.
//!
//! Followers and sequencers keep the entries that they have read, with this
//! service's signature over the newest (`weft.settlement.v1.LogMirror`). A
//! database that comes from a backup ends before such a head. Until the mirrors
//! were asked nothing is appended, lest the log go on in two ways; then what is
//! missing is taken from whoever has it ([`restore`]). A mirror is believed
//! nothing: the head is signed by our own key, the entries lead to it, and each
//! is replayed by the rules, every batch executed again.

mod refused;
mod restore;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use weft_primitives::{Address, ChainConfig};
use weft_service::Shutdown;
use weft_settlement::{Chain, LogHead};
use weft_wire::{MirrorClient, client::MirroredHead};

use crate::engine::{EngineHandle, Gate};
use crate::metrics;
use crate::store::{Store, StoreError};
use crate::verifier::DaSource;
use refused::Refused;

/// How long mirrors that do not answer are waited for before anything is appended.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one answer may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);

/// Between two rounds while the log is, or may be, an old copy; and while it is not.
const SOON: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(10);

/// One who has kept the log.
#[derive(Clone, Debug)]
struct Mirror {
    url: String,
    client: MirrorClient,
}

/// Compares one chain's log with its mirrors.
pub(crate) struct Mirrors {
    config: Arc<ChainConfig>,
    /// Whose signatures over heads count: our own.
    signer: Address,
    mirrors: Vec<Mirror>,
    engine: EngineHandle,
    store: Arc<dyn Store>,
    da: DaSource,
    gate: Gate,
    /// What was said last: an outage is said once, not at every round.
    said: String,
}

/// How a round ended.
enum Round {
    /// Entries were restored; there may be more.
    Restored,
    /// Nobody has more; false if somebody did not answer.
    Newest { all: bool },
    /// Somebody has more that cannot be had, or another log is signed by our key.
    Behind,
}

impl Mirrors {
    /// Asks those at `urls`. Nothing is appended until they were asked.
    pub(crate) fn new(
        config: Arc<ChainConfig>,
        signer: Address,
        urls: &[String],
        (engine, gate): (EngineHandle, Gate),
        store: Arc<dyn Store>,
        da: DaSource,
    ) -> Result<Self, weft_wire::client::EndpointError> {
        let mirror = |url: &String| Ok(Mirror { url: url.clone(), client: MirrorClient::new(url, config.chain_id())? });
        let mirrors = urls.iter().map(mirror).collect::<Result<Vec<_>, _>>()?;
        gate.set_closed(!mirrors.is_empty());
        Ok(Self { config, signer, mirrors, engine, store, da, gate, said: String::new() })
    }

    /// Compares until shutdown. Fails only if the database is damaged.
    pub(crate) async fn run(mut self, shutdown: Shutdown) -> Result<(), StoreError> {
        if self.mirrors.is_empty() {
            shutdown.wait().await;
            return Ok(());
        }
        let start = Instant::now();
        loop {
            let Some(round) = Box::pin(shutdown.unless(self.round())).await else { return Ok(()) };
            let pause = match round? {
                Round::Restored => Duration::ZERO,
                Round::Behind => SOON,
                Round::Newest { all: false } if start.elapsed() < PATIENCE => SOON,
                Round::Newest { .. } => {
                    self.gate.set_closed(false);
                    LATER
                }
            };
            if shutdown.unless(tokio::time::sleep(pause)).await.is_none() {
                return Ok(());
            }
        }
    }

    async fn round(&mut self) -> Result<Round, StoreError> {
        let (mut heads, all) = self.heads().await;
        let chain = self.engine.chain();
        let own = chain.head().log_seq;
        let mut forked = false;
        for (mirror, head) in heads.iter().filter(|(_, head)| (1..=own).contains(&head.seq)) {
            let entry = self.store.entries(head.seq, 1).await?;
            if entry.first().is_none_or(|entry| entry.hash() != head.hash) {
                forked = true;
                self.say(&mirror.url, &Refused::Forked { seq: head.seq });
            }
        }
        // Who has most comes first.
        heads.retain(|(_, head)| head.seq > own);
        heads.sort_by_key(|(_, head)| std::cmp::Reverse(head.seq));
        let missing = heads.first().map_or(0, |(_, head)| head.seq - own);
        metrics::behind(chain.rules().chain_id, missing);
        if heads.is_empty() && !forked {
            return Ok(Round::Newest { all });
        }
        self.gate.set_closed(true);
        for (mirror, head) in heads {
            tracing::warn!(mirror = mirror.url, own, theirs = head.seq, "the log is an old copy: restoring it");
            match self.restore(&mirror.client, &head).await {
                Ok(entries) => {
                    tracing::warn!(mirror = mirror.url, entries, "the log is restored");
                    self.said.clear();
                    return Ok(Round::Restored);
                }
                Err(Refused::Store(error @ StoreError::Damaged(_))) => return Err(error),
                Err(refused) => self.say(&mirror.url, &refused),
            }
        }
        Ok(Round::Behind)
    }

    /// The heads that mirrors have with our signature, and whether all have answered.
    async fn heads(&mut self) -> (Vec<(Mirror, MirroredHead)>, bool) {
        let ask = |mirror: Mirror| async {
            let answer = tokio::time::timeout(ASK_TIMEOUT, mirror.client.head()).await;
            (mirror, answer)
        };
        let answers = join_all(self.mirrors.clone().into_iter().map(ask)).await;
        let (chain, mut heads, mut all) = (self.engine.chain(), Vec::new(), true);
        for (mirror, answer) in answers {
            match answer {
                Ok(Ok(Some(head))) if self.signed(&chain, &head) => heads.push((mirror, head)),
                Ok(Ok(Some(_))) => self.say(&mirror.url, &Refused::BadSignature),
                Ok(Ok(None)) => {}
                Ok(Err(error)) => {
                    tracing::debug!(mirror = mirror.url, %error, "mirror");
                    all = false;
                }
                Err(_) => all = false,
            }
        }
        (heads, all)
    }

    fn signed(&self, chain: &Chain, head: &MirroredHead) -> bool {
        let (chain_id, config_hash) = (chain.rules().chain_id, chain.rules().config_hash);
        let signed = LogHead { chain_id, config_hash, seq: head.seq, hash: head.hash };
        signed.signer(&head.signature) == Ok(self.signer)
    }

    fn say(&mut self, mirror: &str, refused: &Refused) {
        metrics::mirror_refused(self.config.chain_id(), refused.reason());
        let words = format!("mirror {mirror}: {refused}");
        if words != self.said {
            tracing::error!(reason = refused.reason(), "{words}");
            self.said = words;
        }
    }
}
