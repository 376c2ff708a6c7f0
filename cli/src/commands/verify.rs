//! `weft verify`: the auditor's command. Trusts the genesis file and the settlement log; re-executes the rest.

use std::time::Instant;

use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use weft_execution::verify::{Checkpoint, LogContext, Verdict, verify};
use weft_execution::{Parent, World};
use weft_primitives::{Address, B256, ChainConfig, InboxItem, Namespace, SignedBatch};
use weft_settlement::{Event, LogEntry};
use weft_wire::{DaClient, SettlementClient};

use crate::args::VerifyArgs;
use crate::args::sequencer::load_chain;
use crate::output::{Exit, Failure, print};

/// What the settlement log says, as far as a verifier needs it.
#[derive(Default)]
pub struct Log {
    /// Hash and time of each entry; entry `seq` is at `seq - 1`.
    entries: Vec<(B256, u64)>,
    inbox: Vec<InboxItem>,
    /// Canonical commitments with the times at which they were posted.
    commitments: Vec<(SignedBatch, u64)>,
}

/// The judgement of one batch or of all.
pub struct Report {
    /// `valid`, `invalid` or `undecided`, with details.
    pub value: Value,
    /// In words.
    pub text: String,
    /// The exit code.
    pub exit: Exit,
}

/// Runs the command.
pub async fn run(args: VerifyArgs) -> Result<Exit, Failure> {
    let chain = load_chain(args.genesis.as_deref())?;
    let settlement = SettlementClient::new(&args.settlement_url)?;
    let da = DaClient::new(&args.da_url)?;
    let report = judge(&chain, &settlement, &da, args.batch).await?;
    print(args.json, &report.value, || report.text.clone())?;
    Ok(report.exit)
}

/// Judges one batch, or all. Batches before the one asked for are re-executed too: the state comes from nowhere else.
pub async fn judge(
    chain: &ChainConfig,
    settlement: &SettlementClient,
    da: &DaClient,
    batch: Option<u64>,
) -> Result<Report, Failure> {
    let start = Instant::now();
    let sequencer = Address::try_from(&settlement.info().await?.sequencer_address[..])?;
    let log = read_log(settlement).await?;
    let count = batch.map_or(log.commitments.len() as u64, |index| index + 1);
    if count > log.commitments.len() as u64 {
        let last = log.commitments.len() as u64;
        return Err(Failure(format!("there is no batch {}: settlement has {last}", count - 1)));
    }
    let (mut world, genesis, _) = World::genesis(chain)?;
    let mut checkpoint = Checkpoint::genesis(Parent::new(genesis));
    let bar = ProgressBar::new(count);
    if let Ok(style) = ProgressStyle::with_template("verifying [{bar:30}] {pos}/{len} batches, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    let mut transactions = 0;
    for (signed, posted_ms) in log.commitments.iter().take(count as usize) {
        let claim = &signed.header;
        let index = claim.batch_index;
        if signed.signer() != Ok(sequencer) {
            return Ok(invalid(index, None, "BAD_SIGNATURE", "the commitment is not signed by the sequencer"));
        }
        let Some(anchor_ms) = log.anchor(claim.anchor_seq, claim.anchor_hash) else {
            return Ok(invalid(index, None, "UNKNOWN_ANCHOR", "the commitment is anchored to no entry of the log"));
        };
        let payload = match payload(da, chain, signed).await {
            Ok(payload) => payload,
            Err(missing) => return Ok(undecided(index, &missing)),
        };
        let (from, to) = (claim.inbox_from as usize, claim.inbox_to as usize);
        let context = LogContext {
            inbox: log.inbox.get(from..to).unwrap_or_default(),
            next_item_ms: log.inbox.get(to).map(|item| item.time_ms),
            anchor_ms,
            posted_ms: *posted_ms,
        };
        match verify(chain, &checkpoint, claim, &payload, &context, &mut world) {
            Verdict::Valid(valid) => checkpoint = valid.checkpoint,
            Verdict::Invalid { block, reason } => return Ok(invalid(index, block, reason.code(), &reason.to_string())),
            Verdict::Undecided { missing } => return Ok(undecided(index, &missing)),
        }
        transactions += claim.tx_count;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(valid(batch, count, transactions, &checkpoint, start))
}

fn valid(batch: Option<u64>, count: u64, transactions: u64, checkpoint: &Checkpoint, start: Instant) -> Report {
    let header = &checkpoint.block.header;
    let elapsed_ms = start.elapsed().as_secs_f64() * 1e3;
    let what = batch.map_or_else(|| format!("all {count} batches"), |index| format!("batch {index}"));
    Report {
        value: json!({
            "verdict": "valid",
            "batches": count,
            "transactions": transactions,
            "last_block": header.number,
            "last_block_hash": checkpoint.block.hash,
            "state_root": header.state_root,
            "elapsed_ms": elapsed_ms,
        }),
        text: format!(
            "Valid: {what}\n  {count} batches with {transactions} transactions re-executed up to block {} in {elapsed_ms:.0} ms\n  state root {}",
            header.number, header.state_root
        ),
        exit: Exit::Ok,
    }
}

fn invalid(batch: u64, block: Option<u64>, code: &str, message: &str) -> Report {
    let place = block.map_or(String::new(), |block| format!(", block {block}"));
    Report {
        value: json!({ "verdict": "invalid", "batch": batch, "block": block, "reason": code, "message": message }),
        text: format!("Invalid: batch {batch}{place}: {message} ({code})"),
        exit: Exit::Invalid,
    }
}

fn undecided(batch: u64, missing: &str) -> Report {
    Report {
        value: json!({ "verdict": "undecided", "batch": batch, "missing": missing }),
        text: format!("Undecided: batch {batch}: {missing} is missing"),
        exit: Exit::Undecided,
    }
}

/// The payload, from the DA block that the commitment names; or what is missing.
async fn payload(da: &DaClient, chain: &ChainConfig, signed: &SignedBatch) -> Result<Vec<u8>, String> {
    let claim = &signed.header;
    let header =
        da.header(Some(claim.da_height)).await.map_err(|error| format!("DA block {}: {error}", claim.da_height))?;
    if header.header.data_root() != claim.da_data_root {
        return Err(format!("the DA block {} with data root {}", claim.da_height, claim.da_data_root));
    }
    let namespace = Namespace::for_chain(chain.chain_id());
    let data = da.get_blob(namespace, claim.payload_hash).await;
    data.map(|data| data.to_vec()).map_err(|error| format!("payload {}: {error}", claim.payload_hash))
}

/// Reads the log up to its present end, checking its hash chain.
async fn read_log(settlement: &SettlementClient) -> Result<Log, Failure> {
    let (end, _) = settlement.tip().await?.log;
    let mut log = Log::default();
    if end == 0 {
        return Ok(log);
    }
    let mut entries = settlement.subscribe_log(1).await?;
    while let Some(entry) = entries.next().await {
        let entry = entry?;
        let seq = entry.seq;
        log.add(entry)?;
        if seq == end {
            return Ok(log);
        }
    }
    Err(Failure(format!("settlement's log ended before entry {end}")))
}

impl Log {
    fn add(&mut self, entry: LogEntry) -> Result<(), Failure> {
        let before = self.entries.last().map_or(B256::ZERO, |(hash, _)| *hash);
        if entry.seq != self.entries.len() as u64 + 1 || entry.prev_hash != before {
            return Err(Failure(format!("settlement's log is broken at entry {}", entry.seq)));
        }
        self.entries.push((entry.hash(), entry.time_ms));
        match entry.event {
            Event::Posted(signed) => self.commitments.push((*signed, entry.time_ms)),
            Event::Rejected(rejected) => self.commitments.truncate(rejected.batch_index as usize),
            Event::Inbox(item) => self.inbox.push(item),
            _ => {}
        }
        Ok(())
    }

    /// Time of the entry that a commitment is anchored to; `None` if there is no such entry.
    fn anchor(&self, seq: u64, hash: B256) -> Option<u64> {
        let Some(at) = seq.checked_sub(1) else { return hash.is_zero().then_some(0) };
        let (found, time_ms) = self.entries.get(at as usize)?;
        (*found == hash).then_some(*time_ms)
    }
}
