//! The only writer of a chain: one request after the other, each one transaction.
//!
//! A request is decided on a copy of the machine; the copy takes its place,
//! and is shown to readers, only after the store has committed what the
//! decision said. If another service on the same database was faster, the
//! chain is loaded again and the request decided again. After any failure of
//! the store the chain is loaded before the next request, so a commit whose
//! answer was lost is found.

mod ingress;

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::{B256, Bytes};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use weft_primitives::SignedBatch;
use weft_service::clock::Clock;
use weft_service::{Readiness, Shutdown};
use weft_settlement::{
    Chain, Effect, InboxReceipt, InboxRefusal, Judgement, Limits, PostReceipt, PostRefusal, Rules, Sampled,
    VerdictRefusal,
};

use ingress::Command;
pub use ingress::{EngineHandle, Failure};

use crate::metrics;
use crate::store::{StateWrite, Store, StoreError, Write};

/// Readiness condition: the database answers.
pub const STORE_READY: &str = "store";

/// How often the chain is compared with the database, for what other services have written.
const REFRESH_INTERVAL: Duration = Duration::from_millis(500);

/// Decisions of one request while others move the chain.
const MAX_TRIES: u32 = 64;

type Decided<T, R> = Result<Result<T, R>, StoreError>;

/// The writer of one chain.
pub struct Engine {
    rules: Rules,
    limits: Limits,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    readiness: Readiness,
    commands: mpsc::Receiver<Command>,
    view: watch::Sender<Arc<Chain>>,
    version: u64,
    /// Whether the chain must be loaded before it is used.
    stale: bool,
}

impl Engine {
    /// Loads the chain. The handle takes `max_waiting` requests.
    pub async fn new(
        rules: Rules,
        limits: Limits,
        max_waiting: usize,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        readiness: Readiness,
    ) -> Result<(Self, EngineHandle), StoreError> {
        let (sender, commands) = mpsc::channel(max_waiting.max(1));
        let (view, receiver) = watch::channel(Arc::new(Chain::new(rules, limits)));
        let mut engine = Self { rules, limits, store, clock, readiness, commands, view, version: 0, stale: true };
        engine.refresh().await?;
        Ok((engine, EngineHandle::new(sender, receiver)))
    }

    /// Serves requests until shutdown. Fails only if the database is damaged.
    pub async fn run(mut self, shutdown: Shutdown) -> Result<(), StoreError> {
        let mut ticks = tokio::time::interval(REFRESH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let outcome = tokio::select! {
                () = shutdown.wait() => return Ok(()),
                command = self.commands.recv() => match command {
                    Some(command) => self.serve(command).await,
                    None => return Ok(()),
                },
                _ = ticks.tick() => self.follow_others().await,
            };
            self.note(outcome)?;
        }
    }

    /// A damaged database ends the service; one that is away is waited for.
    fn note(&mut self, outcome: Result<(), StoreError>) -> Result<(), StoreError> {
        match outcome {
            Ok(()) => self.readiness.set(STORE_READY),
            Err(error @ (StoreError::Damaged(_) | StoreError::WrongChain { .. })) => return Err(error),
            Err(error) => {
                tracing::error!(%error, "settlement store");
                self.stale = true;
                self.readiness.unset(STORE_READY, error.to_string());
            }
        }
        Ok(())
    }

    async fn serve(&mut self, command: Command) -> Result<(), StoreError> {
        match command {
            Command::Post { signed, reply } => {
                let decided = self.post(&signed).await;
                metrics::posted(&decided);
                answer(reply, decided)
            }
            Command::Inbox { transaction, reply } => {
                let decided = self.submit_inbox(transaction).await;
                metrics::submitted(&decided);
                answer(reply, decided)
            }
            Command::Sampled { commitment, sampled, reply } => {
                answer(reply, self.judge_availability(commitment, sampled).await)
            }
            Command::Judged { commitment, stf_version, judgement, state, reply } => {
                answer(reply, self.judge_execution(commitment, stf_version, judgement, state).await)
            }
        }
    }

    async fn post(&mut self, signed: &SignedBatch) -> Decided<PostReceipt, PostRefusal> {
        for _ in 0..MAX_TRIES {
            self.refresh().await?;
            let facts = self.store.facts(signed).await?;
            match self.decide(None, |chain, now_ms, out| chain.post(now_ms, signed, &facts, out)).await {
                Err(StoreError::Conflict) => {}
                other => return other,
            }
        }
        Err(StoreError::Conflict)
    }

    async fn submit_inbox(&mut self, transaction: Bytes) -> Decided<InboxReceipt, InboxRefusal> {
        for _ in 0..MAX_TRIES {
            self.refresh().await?;
            let transaction = transaction.clone();
            match self.decide(None, |chain, now_ms, out| chain.submit_inbox(now_ms, transaction, out)).await {
                Err(StoreError::Conflict) => {}
                other => return other,
            }
        }
        Err(StoreError::Conflict)
    }

    async fn judge_availability(&mut self, commitment: B256, sampled: Sampled) -> Decided<(), VerdictRefusal> {
        for _ in 0..MAX_TRIES {
            self.refresh().await?;
            let judge =
                |chain: &mut Chain, now_ms, out: &mut _| chain.judge_availability(now_ms, commitment, sampled, out);
            match self.decide(None, judge).await {
                Err(StoreError::Conflict) => {}
                other => return other,
            }
        }
        Err(StoreError::Conflict)
    }

    /// The verifier's state moves in the transaction that makes the verdict.
    async fn judge_execution(
        &mut self,
        commitment: B256,
        stf_version: u32,
        judgement: Judgement,
        state: Option<Box<StateWrite>>,
    ) -> Decided<(), VerdictRefusal> {
        let mut state = state.map(|state| *state);
        for _ in 0..MAX_TRIES {
            self.refresh().await?;
            let judge = |chain: &mut Chain, now_ms, out: &mut _| {
                chain.judge_execution(now_ms, commitment, stf_version, judgement, out)
            };
            match self.decide_with(&mut state, judge).await {
                Err(StoreError::Conflict) => {}
                other => return other,
            }
        }
        Err(StoreError::Conflict)
    }

    async fn decide<T, R>(
        &mut self,
        state: Option<StateWrite>,
        act: impl FnOnce(&mut Chain, u64, &mut Vec<Effect>) -> Result<T, R>,
    ) -> Decided<T, R> {
        self.decide_with(&mut { state }, act).await
    }

    /// One decision and, if it did anything, one commit.
    async fn decide_with<T, R>(
        &mut self,
        state: &mut Option<StateWrite>,
        act: impl FnOnce(&mut Chain, u64, &mut Vec<Effect>) -> Result<T, R>,
    ) -> Decided<T, R> {
        let mut chain = Chain::clone(&self.view.borrow());
        let mut effects = Vec::new();
        let result = act(&mut chain, self.clock.now_ms(), &mut effects);
        if effects.is_empty() {
            return Ok(result);
        }
        let write = Write { version: self.version, head: chain.head().clone(), effects, state: state.take() };
        let start = Instant::now();
        match self.store.commit(&write).await {
            Ok(()) => {
                metrics::committed(start.elapsed(), &write.effects);
                self.version += 1;
                self.show(chain);
                Ok(result)
            }
            Err(error) => {
                *state = write.state;
                self.stale = true;
                Err(error)
            }
        }
    }

    /// Loads the chain if it may have moved without us.
    async fn refresh(&mut self) -> Result<(), StoreError> {
        if self.stale {
            let loaded = self.store.load().await?;
            self.version = loaded.version;
            let chain = loaded.restore(self.rules, self.limits).map_err(StoreError::damaged)?;
            self.stale = false;
            self.show(chain);
        }
        Ok(())
    }

    async fn follow_others(&mut self) -> Result<(), StoreError> {
        self.stale |= self.store.version().await? != self.version;
        self.refresh().await
    }

    fn show(&self, chain: Chain) {
        metrics::moved(&chain);
        self.view.send_replace(Arc::new(chain));
    }
}

/// Tells the caller; a failure of the store also goes back to the loop.
fn answer<T, R>(reply: oneshot::Sender<Result<T, Failure<R>>>, decided: Decided<T, R>) -> Result<(), StoreError> {
    // Whoever asked may have gone.
    match decided {
        Ok(result) => drop(reply.send(result.map_err(Failure::Refused))),
        Err(StoreError::Conflict) => drop(reply.send(Err(Failure::Busy))),
        Err(error) => {
            drop(reply.send(Err(Failure::Store(error.to_string()))));
            return Err(error);
        }
    }
    Ok(())
}
