//! `weft bench e2e`: a whole rollup in a process of its own, loaded over loopback from this one.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use weft_bench::Row;
use weft_light::OnceTarget;
use weft_primitives::{ChainConfig, Namespace};
use weft_wire::{DaClient, SequencerClient, SettlementClient};

use super::load::{Accounts, Kind, Steady, genesis, percentile, steady, steady_streams, sustained};
use super::tell;
use crate::commands::verify;
use crate::output::{Exit, Failure};

/// Transactions a second for which transactions are signed beforehand.
const SIGNED_PER_SECOND: usize = 12_000;

/// Longest wait for all batches to be final.
const FINALITY_LIMIT: Duration = Duration::from_secs(300);

/// Puts that the DA figure is the median of, and their size.
const DA_PUTS: usize = 7;
const DA_PUT_BYTES: usize = 8 << 20;

/// A `weft dev` of our own.
pub(super) struct Rollup {
    child: Child,
    pub(super) sequencer: String,
    pub(super) da: String,
    pub(super) settlement: String,
    pub(super) genesis: String,
    _folder: tempfile::TempDir,
}

/// Runs all loads and prints the rows.
pub async fn run(seconds: u64, accounts: usize, json: bool) -> Result<Exit, Failure> {
    let accounts = accounts.max(2);
    let load = |name| Accounts::new(name, accounts, 31_337);
    let mut loads = [load("light")?, load("ether")?, load("token")?, load("half")?];
    let rollup = Rollup::start(&genesis(crate::DEV_GENESIS, &loads.each_ref())?).await?;
    let mut rows = Rows { json, all: Vec::new() };
    let result = measure(&rollup, &mut loads, Duration::from_secs(seconds), accounts, &mut rows).await;
    rollup.stop().await;
    // What was measured before a failure counts too.
    if json {
        println!("{}", serde_json::to_string_pretty(&rows.all)?);
    }
    result.map(|()| Exit::Ok)
}

/// Rows, told as soon as they are there.
struct Rows {
    json: bool,
    all: Vec<Row>,
}

impl Rows {
    fn add(&mut self, name: &str, value: f64, unit: &'static str) {
        let row = Row::new(name, value, unit);
        tell(&row, self.json);
        self.all.push(row);
    }

    fn value(&self, name: &str) -> Option<f64> {
        self.all.iter().find(|row| row.name == name).map(|row| row.value)
    }

    /// A steady load's latencies, and how many receipts came too late to count.
    fn latencies(&mut self, [p50, p99]: [&str; 2], late: &str, run: &Steady) {
        self.add(p50, percentile(&run.times_ms, 0.5), "ms");
        self.add(p99, percentile(&run.times_ms, 0.99), "ms");
        if run.late > 0 {
            self.add(late, run.late as f64, "tx");
        }
    }
}

async fn measure(
    rollup: &Rollup,
    [light, ether, token, half_load]: &mut [Accounts; 4],
    limit: Duration,
    accounts: usize,
    rows: &mut Rows,
) -> Result<(), Failure> {
    let count = SIGNED_PER_SECOND * limit.as_secs() as usize;
    let sequencer = SequencerClient::new(&rollup.sequencer)?;
    eprintln!("latency at 100 tx/s");
    let run = steady(&rollup.sequencer, light.sign(Kind::Ether, 1_000)?, 100.0).await?;
    rows.latencies(["latency_p50", "latency_p99"], "latency_late", &run);

    let mut batches_before = 0;
    for (load, kind, tps, bytes) in [
        (ether, Kind::Ether, "tps_eth", "da_bytes_per_tx_eth"),
        (token, Kind::Token, "tps_erc20", "da_bytes_per_tx_erc20"),
    ] {
        eprintln!("signing {count} transactions, then {tps} for {} s", limit.as_secs());
        let transactions = load.sign(kind, count)?;
        let run = sustained(&rollup.sequencer, transactions, accounts, limit).await?;
        rows.add(tps, run.per_second(), "tx/s");
        let newest = wait_final(rollup, &sequencer).await?;
        let batches = sequencer.batches(batches_before, 1_000).await?;
        let (payload, sent) = batches
            .iter()
            .filter(|batch| batch.tx_count > 1_000)
            .fold((0, 0), |(bytes, count), batch| (bytes + batch.payload_len, count + batch.tx_count));
        batches_before = newest + 1;
        if sent > 0 {
            rows.add(bytes, payload as f64 / sent as f64, "B");
        }
    }
    let half = rows.value("tps_eth").map_or(100.0, |most| most / 2.0);
    eprintln!("latency at {half:.0} tx/s");
    let transactions = half_load.sign(Kind::Ether, (half * 10.0) as usize)?;
    let run = steady_streams(&rollup.sequencer, transactions, accounts, half).await?;
    rows.latencies(["latency_half_load_p50", "latency_half_load_p99"], "latency_half_load_late", &run);

    wait_final(rollup, &sequencer).await?;
    outside(rollup, rows).await
}

/// What others see: verification, DA puts, the light client.
async fn outside(rollup: &Rollup, rows: &mut Rows) -> Result<(), Failure> {
    eprintln!("verification from genesis");
    let chain = ChainConfig::from_json(&rollup.genesis)?;
    let (settlement, da) = (SettlementClient::new(&rollup.settlement)?, DaClient::new(&rollup.da)?);
    let start = Instant::now();
    let report = verify::judge(&chain, &settlement, &da, None).await?;
    if report.exit != Exit::Ok {
        return Err(Failure(format!("verification: {}", report.text)));
    }
    let batches = report.value["batches"].as_f64().unwrap_or(1.0).max(1.0);
    let transactions = report.value["transactions"].as_f64().unwrap_or_default();
    let elapsed = start.elapsed().as_secs_f64();
    rows.add("verify_batch_ms", elapsed * 1e3 / batches, "ms");
    rows.add("verify_tps", transactions / elapsed, "tx/s");

    eprintln!("DA puts and the light client");
    let mut times = Vec::new();
    for n in 0..DA_PUTS {
        let data: Vec<u8> =
            (0..DA_PUT_BYTES).map(|at| (at.wrapping_mul(2_654_435_761).wrapping_add(n) >> 13) as u8).collect();
        let start = Instant::now();
        da.put_blob(Namespace([7; 32]), data.into()).await?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    rows.add("da_put_8mib", DA_PUT_BYTES as f64 / 1e6 / percentile(&times, 0.5), "MB/s");
    let config = weft_light::Config { da_urls: vec![rollup.da.clone()], ..weft_light::Config::default() };
    let judgement = weft_light::run_once(config, OnceTarget::Latest, |_| {}).await?;
    if !judgement.verdict.is_available() {
        return Err(Failure(format!("the light client says {}", judgement.verdict.name())));
    }
    rows.add("light_bytes_8mib", judgement.downloaded_bytes as f64, "B");
    rows.add("light_ms_8mib", judgement.elapsed_ms, "ms");
    Ok(())
}

/// Waits until every block is final; the newest batch.
pub(super) async fn wait_final(rollup: &Rollup, sequencer: &SequencerClient) -> Result<u64, Failure> {
    let start = Instant::now();
    loop {
        let info = sequencer.info().await?;
        if info.finalized_block == info.latest_block {
            let settlement = SettlementClient::new(&rollup.settlement)?;
            return Ok(settlement.tip().await?.finalized_index.unwrap_or_default());
        }
        if start.elapsed() > FINALITY_LIMIT {
            let (done, want) = (info.finalized_block, info.latest_block);
            return Err(Failure(format!("block {want} is not final after {FINALITY_LIMIT:?}, only {done}")));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl Rollup {
    pub(super) async fn start(genesis: &str) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("genesis.json");
        std::fs::write(&file, genesis)?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["dev", "--json", "--log", "warn", "--mempool-max-per-sender", "1000000", "--no-index-accounts"])
            .args(["--rpc-port", "0", "--sequencer-grpc-port", "0", "--sequencer-http-port", "0"])
            .args(["--da-grpc-port", "0", "--da-http-port", "0", "--light-http-port", "0"])
            .args(["--light-grpc-port", "0"])
            .args(["--settlement-grpc-port", "0", "--settlement-http-port", "0"])
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .arg("--genesis")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().ok_or_else(|| Failure("weft dev has no output".to_owned()))?;
        let mut lines = BufReader::new(output).lines();
        let line = lines.next_line().await?;
        let line = line.ok_or_else(|| Failure("weft dev ended before it was ready".to_owned()))?;
        // Read on, so that it can go on writing.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let endpoints: Value = serde_json::from_str(&line)?;
        let url = |service: &str| format!("http://{}", endpoints[service]["grpc"].as_str().unwrap_or_default());
        Ok(Self {
            child,
            sequencer: url("sequencer"),
            da: url("da"),
            settlement: url("settlement"),
            genesis: genesis.to_owned(),
            _folder: folder,
        })
    }

    pub(super) async fn stop(mut self) {
        // The data is temporary; there is nothing to wait for.
        let _ = self.child.kill().await;
    }
}
