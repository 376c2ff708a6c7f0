//! `weft bench produce`: a sequencer by itself, on a real store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::Bytes;
use futures::executor::block_on;
use futures::future::join_all;
use weft_bench::Row;
use weft_primitives::ChainConfig;
use weft_sequencer::admission::GROUP;
use weft_sequencer::backend::Backend;
use weft_sequencer::chain::Chain;
use weft_sequencer::producer::Producer;
use weft_sequencer::store::{ChainStore, RocksKv};
use weft_sequencer::{Config, Limits, PoolLimits, RpcConfig};
use weft_service::Shutdown;
use weft_service::clock::SystemClock;

use super::load::{Accounts, Kind, genesis};
use super::tell;
use crate::dev_accounts;
use crate::output::{Exit, Failure};

/// Most transactions in a block, for each row.
const BLOCKS: [usize; 3] = [200, 1_000, 5_000];

const SENDERS: usize = 2_000;

/// Groups handed over before their outcomes are awaited.
const GROUPS: usize = 64;

const BASELINE: &str = "each block after the one before is durable";

/// Of blocks made with the index by account, a write for each account that they touch.
const UNINDEXED: &str = "without the index by account";

/// What one run took.
struct Times {
    admitted: Duration,
    produced: Duration,
}

/// Measures and prints the rows.
pub fn run(count: usize, rounds: usize, json: bool) -> Result<Exit, Failure> {
    eprintln!("signing {count} transactions");
    let mut accounts = Accounts::new("produce", SENDERS, 31_337)?;
    let genesis = genesis(crate::DEV_GENESIS, &[&accounts])?;
    let transactions = accounts.sign(Kind::Ether, count)?;
    let mut rows = Vec::new();
    let mut add = |row: Row| {
        tell(&row, json);
        rows.push(row);
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut admitted = Vec::new();
    for most in BLOCKS {
        let limits = Limits { block_min_interval_ms: 0, block_max_transactions: most, ..Limits::default() };
        let indexing = Limits { index_accounts: true, ..limits };
        let (mut ours, mut baseline, mut indexed) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds.max(1) {
            for (times, limits, together) in
                [(&mut baseline, limits, false), (&mut ours, limits, true), (&mut indexed, indexing, true)]
            {
                let run = one(&genesis, &transactions, limits, together)?;
                admitted.push(run.admitted);
                times.push(run.produced);
            }
        }
        let [ours, baseline, indexed] = [ours, baseline, indexed].map(|times| per_second(count, times));
        let mut beside = |name: &str, value: f64, what, baseline: f64| {
            add(Row::compared(&format!("{name}_{most}"), value, "tx/s", what, baseline, value / baseline, threads));
        };
        beside("produce", ours, BASELINE, baseline);
        beside("index", indexed, UNINDEXED, ours);
    }
    add(Row::new("admit", per_second(count, admitted), "tx/s"));
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    }
    Ok(Exit::Ok)
}

/// Of the median time.
fn per_second(count: usize, mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    count as f64 / times[times.len() / 2].as_secs_f64()
}

/// All transactions into the pool, and then into blocks.
fn one(genesis: &str, transactions: &[Bytes], limits: Limits, together: bool) -> Result<Times, Failure> {
    let folder = tempfile::tempdir()?;
    let failure = |error: &dyn std::error::Error| Failure(error.to_string());
    let signer = dev_accounts::signer(0).ok_or_else(|| Failure("no development account".to_owned()))?;
    let all = PoolLimits {
        max_transactions: usize::MAX,
        max_bytes: usize::MAX,
        max_per_sender: usize::MAX,
        ..PoolLimits::default()
    };
    let config = Config {
        data_dir: folder.path().to_owned(),
        chain: ChainConfig::from_json(genesis)?,
        signer,
        da_url: String::new(),
        settlement_url: String::new(),
        limits,
        mempool: all,
        rpc: RpcConfig::default(),
    };
    let store = ChainStore::new(Arc::new(RocksKv::open(&config.data_dir).map_err(|error| failure(&error))?));
    let store = store.index_accounts(limits.index_accounts).map_err(|error| failure(&error))?;
    let chain = Chain::open(config.chain.clone(), store, &config.limits);
    let backend = Backend::new(Arc::new(chain.map_err(|error| failure(&error))?), &config)?;

    let start = Instant::now();
    for part in transactions.chunks(GROUP * GROUPS) {
        let groups = part.chunks(GROUP).map(|group| backend.submit_all(group.to_vec()));
        for outcome in block_on(join_all(groups)).into_iter().flatten() {
            outcome.map_err(|error| failure(&error))?;
        }
    }
    let admitted = start.elapsed();

    let mut producer = Producer::new(backend.clone(), Arc::new(SystemClock));
    let start = Instant::now();
    if together {
        let (runtime, shutdown) = (tokio::runtime::Handle::current(), Shutdown::new());
        let stop = shutdown.clone();
        let producing = std::thread::spawn(move || producer.run(&runtime, &stop));
        while !backend.pool().is_empty() && !producing.is_finished() {
            std::thread::sleep(Duration::from_micros(200));
        }
        shutdown.trigger();
        let ended = producing.join().map_err(|_| Failure("the producer panicked".to_owned()))?;
        ended.map_err(|error| failure(&error))?;
    } else {
        while producer.make_block(&[]).map_err(|error| failure(&error))?.is_some() {}
    }
    Ok(Times { admitted, produced: start.elapsed() })
}
