//! Accounts, pre-signed transactions, and two ways to send them: as fast as they are taken, or at a steady rate.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use futures::StreamExt;
use serde_json::{Value, json};
use weft_primitives::Signer;
use weft_wire::SequencerClient;

use super::token;
use crate::output::Failure;
use crate::transactor::sign;

/// Where the token lies in the bench's genesis.
pub const TOKEN: Address = Address::repeat_byte(0x70);

/// Transactions accepted and not yet in a block, at most.
const MAX_IN_FLIGHT: u64 = 20_000;

/// Transactions handed over in one stream.
const CHUNK: usize = 250;

/// Tasks that send.
const SENDERS: usize = 4;

/// Connections of a steady load.
const CONNECTIONS: usize = 8;

/// What the transactions do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ether to another account.
    Ether,
    /// Tokens to another account.
    Token,
}

/// Accounts of one load, and their next nonces.
pub struct Accounts {
    signers: Vec<Signer>,
    nonces: Vec<u64>,
    chain_id: u64,
}

impl Accounts {
    /// `count` accounts with made-up keys; other ones for each `load`, so that what one load leaves unsent makes no
    /// gap for the next.
    pub fn new(load: &str, count: usize, chain_id: u64) -> Result<Self, Failure> {
        let signer = |n: usize| Signer::from_bytes(keccak256(format!("weft bench account {load} {n}")).0);
        let signers = (0..count.max(2)).map(signer).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { nonces: vec![0; signers.len()], signers, chain_id })
    }

    /// The next `count` transactions, senders in turn, each to the account after it; signed on all cores.
    pub fn sign(&mut self, kind: Kind, count: usize) -> Result<Vec<Bytes>, Failure> {
        let accounts = self.signers.len();
        let jobs: Vec<(usize, u64)> = (0..count)
            .map(|n| {
                let from = n % accounts;
                self.nonces[from] += 1;
                (from, self.nonces[from] - 1)
            })
            .collect();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let parts: Vec<Result<Vec<Bytes>, Failure>> = std::thread::scope(|scope| {
            let this = &*self;
            let chunks = jobs.chunks(count.div_ceil(threads).max(1));
            let tasks: Vec<_> = chunks
                .map(|chunk| {
                    scope.spawn(move || chunk.iter().map(|(from, nonce)| this.one(kind, *from, *nonce)).collect())
                })
                .collect();
            tasks
                .into_iter()
                .map(|task| task.join().unwrap_or_else(|_| Err(Failure("signing panicked".to_owned()))))
                .collect()
        });
        Ok(parts.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn one(&self, kind: Kind, from: usize, nonce: u64) -> Result<Bytes, Failure> {
        let to = self.signers[(from + 1) % self.signers.len()].address();
        let common = TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            max_fee_per_gas: 100_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            ..TxEip1559::default()
        };
        let transaction = match kind {
            Kind::Ether => TxEip1559 { gas_limit: 21_000, to: TxKind::Call(to), value: U256::from(1), ..common },
            Kind::Token => {
                TxEip1559 { gas_limit: 100_000, to: TxKind::Call(TOKEN), input: token::transfer(to, 1), ..common }
            }
        };
        sign(&self.signers[from], transaction)
    }
}

/// A genesis that funds all accounts, with ether and tokens.
pub fn genesis(development: &str, all: &[&Accounts]) -> Result<String, Failure> {
    let mut genesis: Value = serde_json::from_str(development)?;
    let mut balances = serde_json::Map::new();
    for signer in all.iter().flat_map(|accounts| &accounts.signers) {
        let balance = U256::from(10u64).pow(U256::from(21));
        genesis["alloc"][signer.address().to_string()] = json!({ "balance": balance });
        balances.insert(token::balance_slot(signer.address()).to_string(), json!(B256::from(U256::from(1u64 << 40))));
    }
    genesis["alloc"][TOKEN.to_string()] =
        json!({ "balance": "0x0", "nonce": "0x1", "code": token::code(), "storage": balances });
    Ok(genesis.to_string())
}

/// What a run as fast as possible gave.
#[derive(Clone, Copy, Debug)]
pub struct Sustained {
    /// Transactions confirmed in durable blocks.
    pub confirmed: u64,
    /// From the first to the last of them.
    pub elapsed: Duration,
}

impl Sustained {
    /// Transactions a second.
    pub fn per_second(&self) -> f64 {
        self.confirmed as f64 / self.elapsed.as_secs_f64()
    }
}

/// Sends `transactions` as fast as they are taken, for at most `limit`; counts what blocks confirm.
pub async fn sustained(
    url: &str,
    transactions: Vec<Bytes>,
    accounts: usize,
    limit: Duration,
) -> Result<Sustained, Failure> {
    let client = SequencerClient::new(url)?;
    let mut blocks = client.subscribe_blocks(None).await?;
    let confirmed = Arc::new(AtomicU64::new(0));
    let accepted = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    // Each task has the transactions of its own accounts, so that their nonces stay in order.
    let mut shares: Vec<Vec<Bytes>> = vec![Vec::new(); SENDERS];
    for (n, transaction) in transactions.into_iter().enumerate() {
        shares[n % accounts % SENDERS].push(transaction);
    }
    let senders: Vec<_> = shares
        .into_iter()
        .map(|share| {
            let (url, accepted, confirmed) = (url.to_owned(), accepted.clone(), confirmed.clone());
            tokio::spawn(async move { push(&url, share, &accepted, &confirmed, start + limit).await })
        })
        .collect();
    let mut first = None;
    let mut last = start;
    let mut done = false;
    loop {
        tokio::select! {
            block = blocks.next() => {
                let Some(block) = block else { return Err(Failure("the block stream ended".to_owned())) };
                let (block, ..) = block?;
                last = Instant::now();
                first.get_or_insert(last);
                confirmed.fetch_add(block.transactions.len() as u64, Ordering::Relaxed);
            }
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        done = done || senders.iter().all(tokio::task::JoinHandle::is_finished);
        let (sent, seen) = (accepted.load(Ordering::Relaxed), confirmed.load(Ordering::Relaxed));
        if done && seen >= sent {
            break;
        }
        if start.elapsed() > limit + Duration::from_secs(60) {
            return Err(Failure(format!("{sent} transactions were accepted but only {seen} confirmed")));
        }
    }
    for sender in senders {
        sender.await??;
    }
    let elapsed = last.duration_since(first.unwrap_or(start));
    Ok(Sustained { confirmed: confirmed.load(Ordering::Relaxed), elapsed })
}

async fn push(
    url: &str,
    share: Vec<Bytes>,
    accepted: &AtomicU64,
    confirmed: &AtomicU64,
    end: Instant,
) -> Result<(), Failure> {
    let client = SequencerClient::new(url)?;
    let mut waiting: std::collections::VecDeque<Bytes> = share.into();
    while !waiting.is_empty() && Instant::now() < end {
        while accepted.load(Ordering::Relaxed).saturating_sub(confirmed.load(Ordering::Relaxed)) > MAX_IN_FLIGHT {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let chunk: Vec<Bytes> = waiting.drain(..waiting.len().min(CHUNK)).collect();
        let stream = futures::stream::iter(chunk.clone().into_iter().map(|raw| raw.0));
        let mut results = client.submit_stream(stream).await?;
        let mut refused = Vec::new();
        while let Some(result) = results.next().await {
            let result = result?;
            match result.result {
                Some(weft_wire::pb::sequencer::v1::submit_result::Result::Refusal(refusal)) => {
                    if !["BACKPRESSURE", "POOL_FULL", "SENDER_FULL"].contains(&refusal.reason.as_str()) {
                        return Err(Failure(format!("{}: {}", refusal.reason, refusal.message)));
                    }
                    refused.push(chunk[result.ordinal as usize].clone());
                }
                _ => {
                    accepted.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        if !refused.is_empty() {
            refused.into_iter().rev().for_each(|raw| waiting.push_front(raw));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

/// Longest wait for one receipt at a steady rate.
const RECEIPT_LIMIT: Duration = Duration::from_secs(30);

/// What a steady load saw.
#[derive(Clone, Debug, Default)]
pub struct Steady {
    /// From when a transaction was due to its durable receipt, in ms, ascending. A late one counts as the limit.
    pub times_ms: Vec<f64>,
    /// Transactions whose receipts took longer than the limit.
    pub late: usize,
}

/// Sends at a steady rate, however long answers take.
pub async fn steady(url: &str, transactions: Vec<Bytes>, per_second: f64) -> Result<Steady, Failure> {
    let clients = (0..CONNECTIONS).map(|_| SequencerClient::new(url)).collect::<Result<Vec<_>, _>>()?;
    let start = Instant::now();
    let mut tasks = Vec::with_capacity(transactions.len());
    for (n, raw) in transactions.into_iter().enumerate() {
        let due = start + Duration::from_secs_f64(n as f64 / per_second);
        tokio::time::sleep_until(due.into()).await;
        let client = clients[n % CONNECTIONS].clone();
        tasks.push(tokio::spawn(async move {
            // From when it was due, so that a stalled sender does not hide waiting.
            let waited = tokio::time::timeout(RECEIPT_LIMIT, client.submit_and_wait(raw.0, RECEIPT_LIMIT)).await;
            let elapsed = due.elapsed();
            match waited {
                Ok(Ok(receipt)) if receipt.success => Ok(Some(elapsed)),
                Ok(Ok(_)) => Err(Failure("a transaction reverted".to_owned())),
                // Refused for good, or merely late: that it took so long tells which.
                Ok(Err(error)) if elapsed < RECEIPT_LIMIT => Err(error.into()),
                Ok(Err(_)) | Err(_) => Ok(None),
            }
        }));
    }
    let mut run = Steady::default();
    for task in tasks {
        let elapsed = task.await??;
        run.late += usize::from(elapsed.is_none());
        run.times_ms.push(elapsed.unwrap_or(RECEIPT_LIMIT).as_secs_f64() * 1e3);
    }
    run.times_ms.sort_by(f64::total_cmp);
    Ok(run)
}

/// Sends at a steady rate over a few streams, as a load near the most that is taken has to come; a receipt counts
/// when the block with it has arrived.
pub async fn steady_streams(
    url: &str,
    transactions: Vec<Bytes>,
    accounts: usize,
    per_second: f64,
) -> Result<Steady, Failure> {
    let mut blocks = SequencerClient::new(url)?.subscribe_blocks(None).await?;
    let start = Instant::now() + Duration::from_millis(100);
    let mut due_at: HashMap<bytes::Bytes, Instant> = HashMap::with_capacity(transactions.len());
    // Each stream has the transactions of its own accounts, so that their nonces stay in order.
    let mut shares: Vec<Vec<(Instant, bytes::Bytes)>> = vec![Vec::new(); SENDERS];
    for (n, raw) in transactions.into_iter().enumerate() {
        let due = start + Duration::from_secs_f64(n as f64 / per_second);
        due_at.insert(raw.0.clone(), due);
        shares[n % accounts % SENDERS].push((due, raw.0));
    }
    let senders: Vec<_> = shares.into_iter().map(|share| tokio::spawn(send_when_due(url.to_owned(), share))).collect();
    let last = due_at.values().max().copied().unwrap_or(start);
    let mut run = Steady::default();
    while !due_at.is_empty() {
        let next = tokio::time::timeout_at((last + RECEIPT_LIMIT).into(), blocks.next()).await;
        let Ok(Some(block)) = next else { break };
        let arrived = Instant::now();
        for raw in block?.0.transactions {
            let waited = due_at.remove(&raw).map(|due| arrived.saturating_duration_since(due));
            run.times_ms.extend(waited.map(|waited| waited.as_secs_f64() * 1e3));
        }
    }
    run.late = due_at.len();
    run.times_ms.extend(due_at.values().map(|_| RECEIPT_LIMIT.as_secs_f64() * 1e3));
    run.times_ms.sort_by(f64::total_cmp);
    for sender in senders {
        sender.await??;
    }
    Ok(run)
}

async fn send_when_due(url: String, share: Vec<(Instant, bytes::Bytes)>) -> Result<(), Failure> {
    let stream = futures::stream::iter(share).then(async |(due, raw): (Instant, bytes::Bytes)| {
        tokio::time::sleep_until(due.into()).await;
        raw
    });
    let mut results = SequencerClient::new(&url)?.submit_stream(Box::pin(stream)).await?;
    while let Some(result) = results.next().await {
        if let Some(weft_wire::pb::sequencer::v1::submit_result::Result::Refusal(refusal)) = result?.result {
            return Err(Failure(format!("{}: {}", refusal.reason, refusal.message)));
        }
    }
    Ok(())
}

/// The value below which a share of the ascending `times` lies.
pub fn percentile(times: &[f64], share: f64) -> f64 {
    let at = (times.len() as f64 * share).ceil() as usize;
    times.get(at.saturating_sub(1).min(times.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
