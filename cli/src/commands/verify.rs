//! `weft verify`: the auditor's command. Trusts the genesis file and the settlement log; re-executes the rest.

mod stateless;
mod watch;

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use weft_execution::verify::Checkpoint;
use weft_primitives::ChainConfig;
use weft_wire::{DaClient, SequencerClient, SettlementClient};

use super::audit::{Auditor, Judged, Log};
use crate::args::VerifyArgs;
use crate::args::sequencer::load_chain;
use crate::output::{Exit, Failure, print};

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
    let settlement = SettlementClient::new(&args.settlement_url)?.for_chain(chain.chain_id());
    let da = DaClient::new(&args.da_url)?;
    if args.watch {
        return Box::pin(watch::run(&args, &chain, settlement, da)).await;
    }
    let report = match args.batch.filter(|_| args.stateless) {
        Some(batch) => {
            let witnesses = SequencerClient::new(&args.witness_url)?;
            stateless::judge(&chain, &settlement, &da, &witnesses, batch).await?
        }
        None => judge(&chain, &settlement, &da, args.batch).await?,
    };
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
    let log = Log::read(chain, settlement).await?;
    let have = log.commitments().len() as u64;
    let count = batch.map_or(have, |index| index.saturating_add(1));
    if count > have {
        return Err(Failure(format!("there is no batch {}: settlement has {have}", count - 1)));
    }
    let mut auditor = Auditor::new(chain, da.clone())?;
    let bar = progress(count);
    let mut transactions = 0;
    for posted in &log.commitments()[..count as usize] {
        let claim = &posted.signed.header;
        match auditor.judge(&log, posted).await {
            Judged::Valid => {}
            Judged::Invalid { block, code, message } => return Ok(invalid(claim.batch_index, block, code, &message)),
            Judged::Undecided { missing } => return Ok(undecided(claim.batch_index, &missing)),
        }
        if let Some(block) = auditor.false_evidence(&log, claim) {
            let message = "the log says that a promise was broken by another block than this one";
            return Ok(invalid(claim.batch_index, Some(block), "FALSE_EVIDENCE", message));
        }
        transactions += claim.tx_count;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(valid(batch, count, transactions, auditor.checkpoint(), start))
}

/// Counts batches, on a terminal.
pub fn progress(count: u64) -> ProgressBar {
    let bar = ProgressBar::new(count);
    if let Ok(style) = ProgressStyle::with_template("verifying [{bar:30}] {pos}/{len} batches, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    bar
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

pub fn invalid(batch: u64, block: Option<u64>, code: &str, message: &str) -> Report {
    let place = block.map_or(String::new(), |block| format!(", block {block}"));
    Report {
        value: json!({ "verdict": "invalid", "batch": batch, "block": block, "reason": code, "message": message }),
        text: format!("Invalid: batch {batch}{place}: {message} ({code})"),
        exit: Exit::Invalid,
    }
}

pub fn undecided(batch: u64, missing: &str) -> Report {
    Report {
        value: json!({ "verdict": "undecided", "batch": batch, "missing": missing }),
        text: format!("Undecided: batch {batch}: {missing} is missing"),
        exit: Exit::Undecided,
    }
}
