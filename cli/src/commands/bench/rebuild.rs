//! `weft bench rebuild`: an empty follower derives a whole chain from settlement and DA, over loopback.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use weft_bench::Row;
use weft_primitives::ChainConfig;
use weft_sequencer::derive::Progress;
use weft_sequencer::{Limits, Listeners, NodeConfig, RpcConfig};
use weft_service::Shutdown;
use weft_wire::{DaClient, SequencerClient, SettlementClient};

use super::e2e::{Rollup, wait_final};
use super::load::{Accounts, Kind, genesis, sustained};
use super::tell;
use crate::commands::{progress, verify};
use crate::output::{Exit, Failure};

const SENDERS: usize = 1_000;

/// Longest time for the chain to be made, and for it to be derived.
const LIMIT: Duration = Duration::from_secs(600);

const BASELINE: &str = "weft verify --all (stores nothing)";

/// Makes a chain, derives it, prints the rows.
pub async fn run(count: usize, shape: bool, json: bool) -> Result<Exit, Failure> {
    let mut accounts = Accounts::new("rebuild", SENDERS, 31_337)?;
    let rollup = Rollup::start(&genesis(crate::DEV_GENESIS, &[&accounts])?).await?;
    let measured = measure(&rollup, &mut accounts, count).await;
    rollup.stop().await;
    let (done, elapsed, verified) = measured?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let rate = |count: u64| count as f64 / elapsed.as_secs_f64();
    let tps = rate(done.transactions);
    let mut rows = vec![Row::compared("rebuild_tps", tps, "tx/s", BASELINE, verified, tps / verified, threads)];
    if shape {
        rows.push(Row::new("rebuild_blocks", rate(done.blocks), "blocks/s"));
        rows.push(Row::new("rebuild_batches", rate(done.batches), "batches/s"));
        rows.push(Row::new("rebuild_gas", rate(done.gas) / 1e6, "Mgas/s"));
    }
    rows.iter().for_each(|row| tell(row, json));
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    }
    Ok(Exit::Ok)
}

/// What the follower did, in what time; and transactions a second of verification beside it.
async fn measure(rollup: &Rollup, accounts: &mut Accounts, count: usize) -> Result<(Progress, Duration, f64), Failure> {
    eprintln!("signing {count} transactions, then making a chain of them");
    let transactions = accounts.sign(Kind::Ether, count)?;
    sustained(&rollup.sequencer, transactions, SENDERS, LIMIT).await?;
    let sequencer = SequencerClient::new(&rollup.sequencer)?;
    wait_final(rollup, &sequencer).await?;

    eprintln!("verification from genesis");
    let chain = ChainConfig::from_json(&rollup.genesis)?;
    let (settlement, da) =
        (SettlementClient::new(&rollup.settlement)?.for_chain(chain.chain_id()), DaClient::new(&rollup.da)?);
    let start = Instant::now();
    let report = verify::judge(&chain, &settlement, &da, None).await?;
    if report.exit != Exit::Ok {
        return Err(Failure(format!("verification: {}", report.text)));
    }
    let verified = report.value["transactions"].as_f64().unwrap_or_default() / start.elapsed().as_secs_f64();

    eprintln!("an empty follower");
    let latest = sequencer.info().await?.latest_block;
    let (done, elapsed) = follow(rollup, chain, latest).await?;
    Ok((done, elapsed, verified))
}

/// Follows until block `latest` is derived and durable.
async fn follow(rollup: &Rollup, chain: ChainConfig, latest: u64) -> Result<(Progress, Duration), Failure> {
    let folder = tempfile::tempdir()?;
    let config = NodeConfig {
        data_dir: folder.path().join("db"),
        evidence_dir: folder.path().join("evidence"),
        chain,
        sequencer: None,
        da_url: rollup.da.clone(),
        settlement_url: rollup.settlement.clone(),
        sequencer_url: None,
        limits: Limits::default(),
        rpc: RpcConfig::default(),
    };
    let bind = || TcpListener::bind("127.0.0.1:0");
    let listeners = Listeners { grpc: bind().await?, rpc: bind().await?, http: bind().await? };
    let node = SequencerClient::new(&format!("http://{}", listeners.grpc.local_addr()?))?;
    let (told, progress) = progress::watch();
    let stop = Shutdown::new();
    let start = Instant::now();
    let service = tokio::spawn(weft_sequencer::follow(config, listeners, told, stop.clone()));
    let elapsed = loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        // It may not serve yet.
        if node.info().await.is_ok_and(|info| info.latest_block >= latest) {
            break start.elapsed();
        }
        if start.elapsed() > LIMIT || service.is_finished() {
            return Err(Failure(format!("the follower did not come to block {latest}")));
        }
    };
    let done = *progress.borrow();
    stop.trigger();
    service.await.map_err(|error| Failure(error.to_string()))??;
    Ok((done, elapsed))
}
