//! The only writer of a chain: one request after the other, each one transaction.
//!
//! A request is decided on a copy of the machine; the copy takes its place,
//! and is shown to readers, only after the store has committed what the
//! decision said. If another service on the same database was faster, the
//! chain is loaded again and the request decided again. After any failure of
//! the store the chain is loaded before the next request, so a commit whose
//! answer was lost is found; and what waits then fails with it, lest each
//! request wait for the database in turn. In mode `optimistic` it also makes final what time
//! alone has made final, unless a challenge is on its way.

mod bridge;
mod gate;
mod ingress;
mod rate;

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::B256;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use weft_primitives::SignedBatch;
use weft_service::clock::Clock;
use weft_service::{Readiness, Shutdown};
use weft_settlement::{
    BrokenPromise, Chain, Effect, Judgement, KeyReceipt, KeyRefusal, Limits, Mode, PostReceipt, PostRefusal,
    PromiseReceipt, PromiseRefusal, Recent, Rules, SignedKeyChange, VerdictRefusal,
};

pub(crate) use gate::Gate;
use ingress::Command;
pub use ingress::{EngineHandle, Failure};
pub(crate) use ingress::{Restored, Strays};
use rate::Rate;

use crate::challenge::Holds;
use crate::config::Quotas;
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
    /// The newest entries, as far as they were written here.
    recent: Recent,
    /// Commitments a minute.
    rate: Rate,
    /// Challenges on their way.
    holds: Holds,
    /// Whether the log may be an old copy.
    gate: Gate,
}

impl Engine {
    /// Loads the chain. The handle takes `max_waiting` requests.
    pub async fn new(
        rules: Rules,
        quotas: &Quotas,
        max_waiting: usize,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        readiness: Readiness,
    ) -> Result<(Self, EngineHandle), StoreError> {
        let (sender, commands) = mpsc::channel(max_waiting.max(1));
        let limits = quotas.machine();
        let (view, receiver) = watch::channel(Arc::new(Chain::new(rules.clone(), limits)));
        let rate = Rate::new(quotas.max_posts_per_minute, clock.now_ms());
        let (version, stale, recent) = (0, true, Recent::default());
        let (holds, gate) = (Holds::default(), Gate::default());
        let mut engine =
            Self { rules, limits, store, clock, readiness, commands, view, version, stale, recent, rate, holds, gate };
        engine.refresh().await?;
        Ok((engine, EngineHandle::new(sender, receiver)))
    }

    /// What holds up finality here.
    pub(crate) fn holds(&self) -> Holds {
        self.holds.clone()
    }

    /// What keeps the log as it is.
    pub(crate) fn gate(&self) -> Gate {
        self.gate.clone()
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
            Err(error @ (StoreError::Damaged(_) | StoreError::WrongChain { .. } | StoreError::WrongTerms { .. })) => {
                return Err(error);
            }
            Err(error) => {
                tracing::error!(%error, "settlement store");
                self.stale = true;
                self.readiness.unset(STORE_READY, error.to_string());
                while let Ok(waiting) = self.commands.try_recv() {
                    waiting.fail(Some(&error));
                }
            }
        }
        Ok(())
    }

    async fn serve(&mut self, command: Command) -> Result<(), StoreError> {
        if self.gate.is_closed() && !matches!(command, Command::Restore { .. }) {
            command.fail(None);
            return Ok(());
        }
        match command {
            Command::Post { signed, reply } => {
                let decided = self.post(&signed).await;
                metrics::posted(self.rules.chain_id, &decided);
                answer(reply, decided)
            }
            Command::Inbox { transaction, reply } => {
                let decided =
                    self.decide(|chain, now_ms, out| chain.submit_inbox(now_ms, transaction.clone(), out)).await;
                metrics::submitted(self.rules.chain_id, &decided);
                answer(reply, decided)
            }
            Command::Force { header, reply } => answer(reply, self.force(&header).await),
            Command::Fund { funding, reply } => {
                let decided = self.fund(&funding).await;
                metrics::moved_value(self.rules.chain_id, "fund", &decided);
                answer(reply, decided)
            }
            Command::Deposit { deposit, reply } => {
                let decided = self.deposit(&deposit).await;
                metrics::moved_value(self.rules.chain_id, "deposit", &decided);
                answer(reply, decided)
            }
            Command::Claim { claim, reply } => {
                let decided = self.claim(&claim).await;
                metrics::moved_value(self.rules.chain_id, "claim", &decided);
                answer(reply, decided)
            }
            Command::Sampled { commitment, sampled, reply } => {
                let judge =
                    |chain: &mut Chain, now_ms, out: &mut _| chain.judge_availability(now_ms, commitment, sampled, out);
                answer(reply, self.decide(judge).await)
            }
            Command::Judged { commitment, stf_version, judgement, state, reply } => {
                answer(reply, self.judge_execution(commitment, stf_version, judgement, state).await)
            }
            Command::Challenge { commitment, witness_hash, stf_version, judgement, reply } => {
                let judge = |chain: &mut Chain, now_ms, out: &mut _| {
                    chain.challenge(now_ms, commitment, witness_hash, stf_version, judgement, out)
                };
                answer(reply, self.decide(judge).await)
            }
            Command::BrokenPromise { broken, reply } => {
                let decided = self.report_promise(&broken).await;
                metrics::reported(self.rules.chain_id, &decided);
                answer(reply, decided)
            }
            Command::Restore { transition, reply } => answer(reply, self.restore(*transition).await),
            Command::ChangeKey { signed, reply } => answer(reply, self.change_key(&signed).await),
            Command::Vote { signed, reply } => {
                answer(reply, self.decide(|chain, now_ms, out| chain.vote(now_ms, &signed, out)).await)
            }
        }
    }

    async fn post(&mut self, signed: &SignedBatch) -> Decided<PostReceipt, PostRefusal> {
        for _ in 0..MAX_TRIES {
            self.refresh().await?;
            let known = self.recent.facts(&self.view.borrow(), signed);
            let facts = match known {
                Some(facts) => facts,
                None => self.store.facts(signed).await?,
            };
            let wait_ms = self.rate.wait_ms(self.clock.now_ms());
            if wait_ms > 0 && facts.known.is_none() {
                return Ok(Err(PostRefusal::TooOften { limit: self.rate.limit(), wait_ms }));
            }
            let mut post = |chain: &mut Chain, now_ms, out: &mut _| chain.post(now_ms, signed, &facts, out);
            match self.try_decide(&mut None, &mut post).await {
                Err(StoreError::Conflict) => {}
                decided => {
                    if matches!(&decided, Ok(Ok(receipt)) if !receipt.duplicate) {
                        self.rate.take();
                    }
                    return decided;
                }
            }
        }
        Err(StoreError::Conflict)
    }

    async fn change_key(&mut self, signed: &SignedKeyChange) -> Decided<KeyReceipt, KeyRefusal> {
        for _ in 0..MAX_TRIES {
            self.refresh().await?;
            let before = self.store.key_change(signed.change.epoch).await?;
            let known = before.filter(|(_, before)| before == signed).map(|(log_seq, _)| log_seq);
            let mut change = |chain: &mut Chain, now_ms, out: &mut _| chain.change_key(now_ms, signed, known, out);
            match self.try_decide(&mut None, &mut change).await {
                Err(StoreError::Conflict) => {}
                decided => return decided,
            }
        }
        Err(StoreError::Conflict)
    }

    async fn report_promise(&mut self, broken: &BrokenPromise) -> Decided<PromiseReceipt, PromiseRefusal> {
        for _ in 0..MAX_TRIES {
            self.refresh().await?;
            let facts = self.store.promise_facts(&broken.promise.promise, broken.commitment).await?;
            let mut report = |chain: &mut Chain, now_ms, out: &mut _| chain.report_promise(now_ms, broken, &facts, out);
            match self.try_decide(&mut None, &mut report).await {
                Err(StoreError::Conflict) => {}
                decided => return decided,
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
        let judge = |chain: &mut Chain, now_ms, out: &mut _| {
            chain.judge_execution(now_ms, commitment, stf_version, judgement, out)
        };
        self.decide_with(state.map(|state| *state), judge).await
    }

    /// Appends what the log had before, where it goes on from the newest entry.
    async fn restore(&mut self, transition: Restored) -> Decided<(), Strays> {
        self.refresh().await?;
        let (seq, hash) = {
            let chain = self.view.borrow();
            (chain.head().log_seq, chain.head().log_hash)
        };
        let first = transition.effects.iter().find_map(|effect| match effect {
            Effect::Append(entry) => Some(entry),
            _ => None,
        });
        if first.is_none_or(|first| first.seq != seq + 1 || first.prev_hash != hash) {
            return Ok(Err(Strays));
        }
        let Restored { head, effects, state } = transition;
        let written = self.store.commit(&Write { version: self.version, head, effects, state }).await;
        // The machine is built again from what is stored.
        self.stale = true;
        written?;
        self.refresh().await?;
        Ok(Ok(()))
    }

    /// In mode `optimistic`: what time alone has made final.
    async fn finalize_due(&mut self) -> Result<(), StoreError> {
        if self.rules.terms.mode == Mode::Verified || self.gate.is_closed() {
            return Ok(());
        }
        loop {
            let chain = self.view.borrow().clone();
            let Some(commitment) = chain.due(self.clock.now_ms()).map(|record| record.commitment) else {
                return Ok(());
            };
            if self.holds.holds(commitment) {
                return Ok(());
            }
            let decided: Decided<(), std::convert::Infallible> = self
                .decide(|chain, now_ms, out| {
                    // It may have become final, or fallen, by another service's hand.
                    if chain.due(now_ms).is_some_and(|record| record.commitment == commitment) {
                        chain.finalize_due(now_ms, out);
                    }
                    Ok(())
                })
                .await;
            match decided {
                Ok(_) => {}
                Err(StoreError::Conflict) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Decides, again if others move the chain meanwhile.
    async fn decide<T, R>(
        &mut self,
        act: impl FnMut(&mut Chain, u64, &mut Vec<Effect>) -> Result<T, R>,
    ) -> Decided<T, R> {
        self.decide_with(None, act).await
    }

    async fn decide_with<T, R>(
        &mut self,
        mut state: Option<StateWrite>,
        mut act: impl FnMut(&mut Chain, u64, &mut Vec<Effect>) -> Result<T, R>,
    ) -> Decided<T, R> {
        for _ in 0..MAX_TRIES {
            self.refresh().await?;
            match self.try_decide(&mut state, &mut act).await {
                Err(StoreError::Conflict) => {}
                decided => return decided,
            }
        }
        Err(StoreError::Conflict)
    }

    /// One decision and, if it did anything, one commit.
    async fn try_decide<T, R>(
        &mut self,
        state: &mut Option<StateWrite>,
        act: &mut impl FnMut(&mut Chain, u64, &mut Vec<Effect>) -> Result<T, R>,
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
                metrics::committed(self.rules.chain_id, start.elapsed(), &write.effects);
                self.version += 1;
                write.effects.iter().for_each(|effect| self.recent.absorb(effect));
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
            self.recent.clear();
            let chain = loaded.restore(self.rules.clone(), self.limits).map_err(StoreError::damaged)?;
            self.stale = false;
            self.show(chain);
        }
        Ok(())
    }

    async fn follow_others(&mut self) -> Result<(), StoreError> {
        self.stale |= self.store.version().await? != self.version;
        self.refresh().await?;
        self.finalize_due().await
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
