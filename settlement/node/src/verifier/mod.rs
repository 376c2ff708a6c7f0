//! Judges commitments one after the other: is the data there, and is what they claim true?
//!
//! [`availability`] samples the DA layer, [`execution`] runs the batch again
//! on the verifier's own state. What cannot be decided yet (the DA node is
//! away, a row is missing, the database is busy) changes nothing and is tried
//! again, with growing pauses. In mode `optimistic` it samples only. It also
//! builds forced batches ([`force`]), because it has the state that they are
//! built on.

mod availability;
mod context;
mod execution;
mod force;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use weft_da::Target;
use weft_execution::STF_VERSION;
use weft_primitives::{Address, ChainConfig};
use weft_service::Shutdown;
use weft_service::backoff::Backoff;
use weft_service::clock::Clock;
use weft_settlement::{Chain, Judgement, Mode, Parent, Record, Status, VerdictRefusal};
use weft_wire::DaClient;

use crate::engine::{EngineHandle, Failure};
use crate::store::{Store, StoreError};
use crate::{metrics, traces};
pub(crate) use availability::download;
pub(crate) use context::{Context, ForcedRecord, waiting};
pub(crate) use execution::{Executor, Outcome, Subject};
use force::Forces;
pub use force::{ForceFailure, ForceHandle};

/// Where and how the data is sampled.
#[derive(Clone, Debug)]
pub struct DaSource {
    /// The node.
    pub client: DaClient,
    /// Whose headers are taken.
    pub signer: Address,
    /// How sure sampling must be.
    pub target: Target,
}

/// Why nothing could be decided. It is tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Wait {
    /// The DA node did not answer, or not as the protocol says.
    #[error("DA node: {0}")]
    Da(String),
    /// The DA layer does not have all of the data, and the deadline has not passed.
    #[error("the data is not available")]
    Withheld,
    /// Something that the verdict depends on is missing.
    #[error("undecided: {0} is missing")]
    Undecided(String),
    /// The engine did not take the verdict.
    #[error("{0}")]
    Engine(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Wait {
    const fn label(&self) -> &'static str {
        match self {
            Self::Da(_) => "da",
            Self::Withheld => "data",
            Self::Undecided(_) => "input",
            Self::Engine(_) | Self::Store(_) => "store",
        }
    }
}

/// The judge of one chain.
pub struct Verifier {
    chain_id: u64,
    engine: EngineHandle,
    store: Arc<dyn Store>,
    da: DaSource,
    executor: Executor,
    forces: Forces,
}

impl Verifier {
    /// One that tells `engine` its verdicts. The handle asks it for forced batches.
    pub fn new(
        chain: Arc<ChainConfig>,
        engine: EngineHandle,
        store: Arc<dyn Store>,
        da: DaSource,
        clock: Arc<dyn Clock>,
    ) -> (Self, ForceHandle) {
        let (forces, handle) = Forces::new(clock);
        let chain_id = chain.chain_id();
        let executor = Executor::new(chain, store.clone());
        (Self { chain_id, engine, store, da, executor, forces }, handle)
    }

    /// Judges until shutdown. Fails only if the database is damaged.
    pub async fn run(mut self, shutdown: Shutdown) -> Result<(), StoreError> {
        let mut view = self.engine.watch();
        let mut backoff = Backoff::default();
        let mut said = String::new();
        while !shutdown.is_triggered() {
            let chain = view.borrow_and_update().clone();
            let Some(step) = Box::pin(shutdown.unless(self.step(&chain))).await else { break };
            match step {
                Ok(true) => {
                    backoff.reset();
                    said.clear();
                }
                Ok(false) => {
                    let more = async {
                        tokio::select! {
                            changed = view.changed() => changed.is_ok(),
                            asked = self.forces.next() => {
                                self.force(asked).await;
                                true
                            }
                        }
                    };
                    if shutdown.unless(more).await == Some(false) {
                        break;
                    }
                }
                Err(Wait::Store(error @ StoreError::Damaged(_))) => return Err(error),
                Err(wait) => {
                    metrics::waited(self.chain_id, wait.label());
                    let words = wait.to_string();
                    // An outage is said once, not at every try.
                    if words != said {
                        tracing::warn!(reason = %words, "verification waits");
                        said = words;
                    }
                    self.forces.not_now(&said);
                    shutdown.unless(tokio::time::sleep(backoff.delay())).await;
                }
            }
        }
        Ok(())
    }

    /// Judges the oldest commitment that waits for a judgement; false if there is none.
    async fn step(&mut self, chain: &Chain) -> Result<bool, Wait> {
        let Some((record, parent)) = next(chain) else { return Ok(false) };
        match record.status {
            Status::Posted => self.sample(record).await?,
            _ => self.execute(&parent, record).await?,
        }
        Ok(true)
    }

    async fn sample(&mut self, record: &Record) -> Result<(), Wait> {
        let (start, begun) = (Instant::now(), SystemTime::now());
        let sampled = availability::sample(&self.da, &record.signed.header).await?;
        metrics::sampled(self.chain_id, start.elapsed());
        let (index, commitment) = (record.signed.header.batch_index, record.commitment);
        traces::done(commitment, "settlement.sample", begun, &format!("{sampled:?}"));
        match self.engine.sampled(commitment, sampled).await {
            Ok(()) => {
                tracing::info!(batch = index, %commitment, ?sampled, "sampled");
                Ok(())
            }
            Err(Failure::Refused(VerdictRefusal::TooEarly { .. })) => Err(Wait::Withheld),
            Err(failure) => settled(failure),
        }
    }

    async fn execute(&mut self, parent: &Parent, record: &Record) -> Result<(), Wait> {
        let payload = if record.signed.is_forced() {
            None
        } else {
            Some(availability::download(&self.da, &record.signed.header).await?)
        };
        let (start, begun) = (Instant::now(), SystemTime::now());
        let outcome = self.executor.judge(parent, record, payload).await?;
        metrics::executed(self.chain_id, start.elapsed());
        let (index, commitment) = (record.signed.header.batch_index, record.commitment);
        let (judgement, state) = match outcome {
            Outcome::Valid(state) => (Judgement::Valid, Some(*state)),
            Outcome::Invalid { reason, block, words } => {
                tracing::warn!(batch = index, %commitment, %reason, block, words, "the batch is invalid");
                (Judgement::Invalid { reason, block }, None)
            }
        };
        let outcome = if state.is_some() { "valid" } else { "invalid" };
        match self.engine.judged(commitment, STF_VERSION, judgement, state).await {
            Ok(()) => {
                traces::done(commitment, "settlement.execute", begun, outcome);
                tracing::info!(batch = index, %commitment, took_ms = start.elapsed().as_millis() as u64, "judged");
                Ok(())
            }
            Err(failure) => {
                // The state in memory may be ahead of the database.
                self.executor.forget();
                settled(failure)
            }
        }
    }
}

/// The oldest commitment that waits for a judgement, with what it builds on. Commitments that were judged may wait for
/// something else: for their window, or for independent verifiers.
fn next(chain: &Chain) -> Option<(&Record, Parent)> {
    let executes = chain.rules().terms.mode == Mode::Verified;
    let mut parent = chain.final_parent();
    for record in chain.pending() {
        if record.status == Status::Posted || (executes && record.status == Status::Available) {
            return Some((record, parent));
        }
        parent = Parent::of(record);
    }
    None
}

/// A verdict that came too late (another service was faster) is no failure.
fn settled(failure: Failure<VerdictRefusal>) -> Result<(), Wait> {
    match failure {
        Failure::Refused(VerdictRefusal::NotPending(_) | VerdictRefusal::WrongStatus { .. }) => Ok(()),
        other => Err(Wait::Engine(other.to_string())),
    }
}
