//! The chains of one service: each with an engine, a verifier, a judge of challenges and mirrors of its own.
//!
//! They share the database, the listeners and the process, and nothing else:
//! one that fails is left standing, its callers are told why, and the others
//! go on. When none is left the service ends.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::Status;
use weft_execution::block::Parent as Block;
use weft_execution::verify::Checkpoint;
use weft_execution::{STF_VERSION, World};
use weft_primitives::{Address, Signer};
use weft_service::clock::{Clock, SystemClock};
use weft_service::{Readiness, Shutdown};
use weft_settlement::{Parent, Rules};
use weft_wire::DaClient;
use weft_wire::status::Plain;

use crate::challenge::Challenges;
use crate::config::{ChainSettings, Config};
use crate::engine::{Engine, EngineHandle};
use crate::metrics;
use crate::mirror::Mirrors;
use crate::run::RunError;
use crate::store::{Database, Genesis, StateWrite, Store};
use crate::verifier::{DaSource, ForceHandle, Verifier};

/// What callers of one chain use.
pub(crate) struct Served {
    pub(crate) engine: EngineHandle,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) forces: ForceHandle,
    pub(crate) challenges: Challenges,
    pub(crate) da_signer: Address,
    pub(crate) da_url: String,
    pub(crate) log_signer: Option<Arc<Signer>>,
    pub(crate) subscribers: Arc<Semaphore>,
    pub(crate) max_subscribers: usize,
    /// Why the chain's part of the service has ended.
    failed: OnceLock<String>,
}

/// What runs for one chain until it ends.
struct Running {
    chain_id: u64,
    engine: Engine,
    verifier: Verifier,
    mirrors: Option<Mirrors>,
}

/// One chain, or why there is none.
enum Place {
    Served(Arc<Served>),
    Failed(String),
}

/// All chains of a service, by id.
pub(crate) struct Chains {
    places: BTreeMap<u64, Place>,
}

/// What runs for all of them.
pub(crate) struct Parts {
    chains: Arc<Chains>,
    running: Vec<Running>,
    first_failure: Option<RunError>,
}

impl Chains {
    /// Opens all chains. Fails when none could be opened.
    pub(crate) async fn open(
        config: &Config,
        database: &Database,
        readiness: &Readiness,
    ) -> Result<(Arc<Self>, Parts), RunError> {
        let (mut places, mut running, mut first_failure) = (BTreeMap::new(), Vec::new(), None);
        for settings in &config.chains {
            let chain_id = settings.chain.chain_id();
            let store = database.store(chain_id);
            let place = match open(settings, config, store, readiness).await {
                Ok((served, parts)) => {
                    running.push(parts);
                    Place::Served(Arc::new(served))
                }
                Err(error) => {
                    tracing::error!(chain_id, %error, "this chain cannot be settled; others go on");
                    let why = error.to_string();
                    first_failure.get_or_insert(error);
                    Place::Failed(why)
                }
            };
            metrics::failed(chain_id, matches!(place, Place::Failed(_)));
            places.insert(chain_id, place);
        }
        match first_failure {
            Some(error) if running.is_empty() => Err(error),
            first_failure => {
                let chains = Arc::new(Self { places });
                Ok((chains.clone(), Parts { chains, running, first_failure }))
            }
        }
    }

    /// The ids of all.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u64> {
        self.places.keys().copied()
    }

    /// One by id; 0 for the only one.
    pub(crate) fn get(&self, chain_id: u64) -> Result<&Arc<Served>, Status> {
        let names = || self.ids().map(|id| id.to_string()).collect::<Vec<_>>().join(", ");
        let only = || self.places.first_key_value().filter(|_| self.places.len() == 1);
        let found = if chain_id == 0 { only() } else { self.places.get_key_value(&chain_id) };
        match found {
            Some((_, Place::Served(served))) => match served.failed.get() {
                None => Ok(served),
                Some(why) => Err(failed(chain_id, why)),
            },
            Some((id, Place::Failed(why))) => Err(failed(*id, why)),
            None if chain_id == 0 => {
                let words = format!("this service settles the chains {}: name one in chain_id", names());
                Err(Plain::invalid("CHAIN_NEEDED", words).into())
            }
            None => Err(Plain::unknown_chain(format!("chain {chain_id} is not settled here, only {}", names())).into()),
        }
    }

    /// The one that a message names itself; a service of one chain lets that chain's rules judge.
    pub(crate) fn named(&self, chain_id: u64) -> Result<&Arc<Served>, Status> {
        self.get(if self.places.len() == 1 { 0 } else { chain_id })
    }

    /// Every chain with what is served of it, or why nothing is.
    pub(crate) fn each(&self) -> impl Iterator<Item = (u64, Result<&Served, &str>)> {
        self.places.iter().map(|(id, place)| {
            let place = match place {
                Place::Served(served) => served.failed.get().map_or(Ok(&**served), |why| Err(why.as_str())),
                Place::Failed(why) => Err(why.as_str()),
            };
            (*id, place)
        })
    }

    fn fail(&self, chain_id: u64, error: &RunError) {
        tracing::error!(chain_id, %error, "this chain's settlement has ended; others go on");
        metrics::failed(chain_id, true);
        if let Some(Place::Served(served)) = self.places.get(&chain_id) {
            let _ = served.failed.set(error.to_string());
        }
    }
}

fn failed(chain_id: u64, why: &str) -> Status {
    Plain::unavailable(format!("the settlement of chain {chain_id} has failed: {why}")).into()
}

impl Parts {
    /// Runs all chains until shutdown, or until none is left.
    pub(crate) async fn run(self, shutdown: Shutdown) -> Result<(), RunError> {
        let Self { chains, running, mut first_failure } = self;
        let mut ends = JoinSet::new();
        for chain in running {
            let stop = shutdown.child();
            ends.spawn(async move { (chain.chain_id, tokio::spawn(chain.run(stop)).await) });
        }
        while let Some(end) = ends.join_next().await {
            let (chain_id, outcome) = end.map_err(|_| RunError::Panicked)?;
            if let Err(error) = outcome.unwrap_or(Err(RunError::Panicked)) {
                chains.fail(chain_id, &error);
                first_failure.get_or_insert(error);
            }
        }
        match first_failure {
            Some(error) if !shutdown.is_triggered() => Err(error),
            _ => Ok(()),
        }
    }
}

impl Running {
    /// Whatever ends first takes the other along.
    async fn run(self, stop: Shutdown) -> Result<(), RunError> {
        let ending = async |part: Result<(), crate::store::StoreError>| {
            stop.trigger();
            part.map_err(RunError::from)
        };
        let engine = async { ending(self.engine.run(stop.clone()).await).await };
        let verifier = async { ending(Box::pin(self.verifier.run(stop.clone())).await).await };
        let mirrors = async {
            match self.mirrors {
                Some(mirrors) => ending(Box::pin(mirrors.run(stop.clone())).await).await,
                None => Ok(()),
            }
        };
        let (engine, verifier, mirrors) = tokio::join!(engine, verifier, mirrors);
        engine.and(verifier).and(mirrors)
    }
}

async fn open(
    settings: &ChainSettings,
    config: &Config,
    store: Arc<dyn Store>,
    readiness: &Readiness,
) -> Result<(Served, Running), RunError> {
    let limits = &config.limits;
    let (rules, genesis) = rules(settings)?;
    let chain_id = rules.chain_id;
    store.open(&genesis).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (engine, handle) = Engine::new(
        rules,
        &settings.quotas,
        limits.max_waiting_requests,
        store.clone(),
        clock.clone(),
        readiness.clone(),
    )
    .await?;
    let da = DaSource { client: DaClient::new(&settings.da_url)?, signer: settings.da_signer, target: settings.target };
    let chain = Arc::new(settings.chain.clone());
    let (verifier, forces) = Verifier::new(chain.clone(), handle.clone(), store.clone(), da.clone(), clock.clone());
    let mirrors = match (&config.log_signer, &settings.mirrors[..]) {
        (_, []) => None,
        (None, _) => return Err(RunError::NoLogKey),
        (Some(signer), urls) => {
            let engine = (handle.clone(), engine.gate());
            Some(Mirrors::new(chain.clone(), signer.address(), urls, engine, store.clone(), da.clone())?)
        }
    };
    let challenges = Challenges::new(chain, handle.clone(), store.clone(), da, clock, engine.holds(), limits);
    tracing::info!(chain_id, terms = %settings.terms, "settling");
    let served = Served {
        engine: handle,
        store,
        forces,
        challenges,
        da_signer: settings.da_signer,
        da_url: settings.da_url.clone(),
        log_signer: config.log_signer.clone().map(Arc::new),
        subscribers: Arc::new(Semaphore::new(limits.max_subscribers)),
        max_subscribers: limits.max_subscribers,
        failed: OnceLock::new(),
    };
    Ok((served, Running { chain_id, engine, verifier, mirrors }))
}

/// The rules of a chain, and what its tables begin with.
pub(crate) fn rules(settings: &ChainSettings) -> Result<(Rules, Genesis), RunError> {
    let chain = &settings.chain;
    let (_, header, applied) = World::genesis(chain)?;
    let block = Block::new(header);
    let terms = settings.terms.clone().checked()?;
    let rules = Rules {
        chain_id: chain.chain_id(),
        config_hash: chain.hash(),
        genesis: Parent::genesis(block.hash, block.header.state_root, block.header.timestamp),
        stf_version: STF_VERSION,
        terms: terms.clone(),
        genesis_supply: chain.supply(),
        inbox_deadline_ms: chain.params().inbox_deadline_ms,
        inbox_grace_ms: chain.params().inbox_grace_ms,
    };
    let state = StateWrite {
        checkpoint: Checkpoint::genesis(block),
        leaves: applied.updates.entries().to_vec(),
        codes: applied.codes,
    };
    Ok((rules, Genesis { config_hash: chain.hash(), terms, state }))
}
