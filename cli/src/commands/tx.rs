//! `weft tx`.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, keccak256};
use futures::StreamExt;
use serde_json::{Value, json};
use weft_wire::SequencerClient;
use weft_wire::pb::sequencer::v1::{GetTransactionStatusResponse, TransactionStage};

use crate::args::{Endpoints, TxCommand, Waited};
use crate::output::{Exit, Failure, print};
use crate::transactor::Rpc;

/// Runs the command.
pub async fn run(command: TxCommand) -> Result<Exit, Failure> {
    match command {
        TxCommand::Send { raw, endpoints } => send(&endpoints, raw, false).await,
        TxCommand::Transfer { to, value, sender, endpoints } => {
            let raw = Rpc::new(&endpoints.rpc_url)?.transfer(&sender, to, value).await?;
            send(&endpoints, raw, sender.quiet).await
        }
        TxCommand::Force(args) => super::bridge::force(*args).await,
        TxCommand::Call { to, data, block, endpoints } => {
            let params = json!([{ "to": to, "data": data }, block_tag(&block)]);
            let output = Rpc::new(&endpoints.rpc_url)?.call("eth_call", params).await?;
            print(endpoints.json, &output, || output.as_str().unwrap_or_default().to_owned())?;
            Ok(Exit::Ok)
        }
        TxCommand::List { address, limit, cursor, endpoints } => {
            let params = json!([address, { "limit": format!("{limit:#x}"), "cursor": cursor }]);
            let page = Rpc::new(&endpoints.rpc_url)?.call("weft_getAccountTransactions", params).await?;
            print(endpoints.json, &page, || page_in_words(address, &page))?;
            Ok(Exit::Ok)
        }
        TxCommand::Status { hash, wait, timeout_s, endpoints } => {
            status(&endpoints, hash, wait, Duration::from_secs(timeout_s)).await
        }
    }
}

fn block_tag(text: &str) -> String {
    text.parse::<u64>().map_or_else(|_| text.to_owned(), |number| format!("{number:#x}"))
}

async fn send(endpoints: &Endpoints, raw: alloy_primitives::Bytes, quiet: bool) -> Result<Exit, Failure> {
    let hash = keccak256(&raw);
    let start = Instant::now();
    let receipt = Rpc::new(&endpoints.rpc_url)?.call("eth_sendRawTransactionSync", json!([raw])).await?;
    let elapsed_ms = start.elapsed().as_secs_f64() * 1e3;
    if quiet {
        println!("{hash}");
    } else {
        print(endpoints.json, &receipt, || receipt_in_words(hash, &receipt, elapsed_ms))?;
    }
    Ok(if receipt["status"] == "0x1" { Exit::Ok } else { Exit::Error })
}

fn quantity(value: &Value) -> u128 {
    let digits = value.as_str().unwrap_or_default().trim_start_matches("0x");
    u128::from_str_radix(digits, 16).unwrap_or_default()
}

/// A line a transaction; then how to go on, and what was not looked at.
fn page_in_words(address: Address, page: &Value) -> String {
    let mut lines = Vec::new();
    for each in page["transactions"].as_array().into_iter().flatten() {
        let kinds: Vec<&str> = each["kinds"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let (hash, block, index) = (&each["hash"], quantity(&each["blockNumber"]), quantity(&each["transactionIndex"]));
        lines.push(format!(
            "{}  block {block}, position {index}: {}",
            hash.as_str().unwrap_or_default(),
            kinds.join(", ")
        ));
    }
    if lines.is_empty() {
        lines.push(format!("no transaction of {address}"));
    }
    if let Some(cursor) = page["cursor"].as_str() {
        lines.push(format!("older ones: weft tx list {address} --cursor {cursor}"));
    }
    match quantity(&page["completeFrom"]) {
        0 => {}
        from => lines.push(format!("blocks before {from} are not in this node's index")),
    }
    lines.join("\n")
}

fn receipt_in_words(hash: B256, receipt: &Value, elapsed_ms: f64) -> String {
    let number = |field: &str| quantity(&receipt[field]);
    let outcome = if receipt["status"] == "0x1" { "succeeded" } else { "reverted" };
    format!(
        "{hash}\n  {outcome} in block {}, durable after {elapsed_ms:.1} ms\n  gas {} at {} wei",
        number("blockNumber"),
        number("gasUsed"),
        number("effectiveGasPrice"),
    )
}

async fn status(endpoints: &Endpoints, hash: B256, wait: Option<Waited>, limit: Duration) -> Result<Exit, Failure> {
    let client = SequencerClient::new(&endpoints.sequencer_url)?;
    let (status, there) = match wait {
        None => (client.transaction_status(hash).await?, true),
        Some(wanted) => follow(&client, hash, wanted, limit, endpoints.json).await?,
    };
    print(endpoints.json, &as_json(hash, &status), || in_words(hash, &status))?;
    Ok(match (there, status.stage()) {
        (false, _) => Exit::Undecided,
        (true, TransactionStage::Unknown) => Exit::Error,
        (true, _) => Exit::Ok,
    })
}

/// Where a transaction is once it is as far as wanted, or at the time limit; and which of the two. On a terminal each
/// stage is told on the way.
async fn follow(
    client: &SequencerClient,
    hash: B256,
    wanted: Waited,
    limit: Duration,
    quiet: bool,
) -> Result<(GetTransactionStatusResponse, bool), Failure> {
    let start = Instant::now();
    let tell = !quiet && std::io::stderr().is_terminal();
    let mut stages = client.watch_transaction(hash).await?;
    let mut newest = None;
    while let Ok(next) = tokio::time::timeout(limit.saturating_sub(start.elapsed()), stages.next()).await {
        let status = next.ok_or_else(|| Failure("the sequencer stopped meanwhile".to_owned()))??;
        if reached(status.stage()) >= Some(wanted) {
            return Ok((status, true));
        }
        if tell {
            eprintln!("  {:7.1} s  {}", start.elapsed().as_secs_f64(), name(status.stage()));
        }
        newest = Some(status);
    }
    match newest {
        Some(status) => Ok((status, false)),
        None => Ok((client.transaction_status(hash).await?, false)),
    }
}

const fn reached(stage: TransactionStage) -> Option<Waited> {
    match stage {
        TransactionStage::Executed => Some(Waited::Executed),
        TransactionStage::Posted => Some(Waited::Posted),
        TransactionStage::Available => Some(Waited::Available),
        TransactionStage::Finalized => Some(Waited::Finalized),
        _ => None,
    }
}

fn name(stage: TransactionStage) -> String {
    stage.as_str_name().trim_start_matches("TRANSACTION_STAGE_").to_lowercase()
}

fn as_json(hash: B256, status: &GetTransactionStatusResponse) -> Value {
    json!({
        "hash": hash,
        "stage": name(status.stage()),
        "block": status.block_number,
        "index": status.transaction_index,
        "batch": status.batch_index,
    })
}

fn in_words(hash: B256, status: &GetTransactionStatusResponse) -> String {
    let mut text = format!("{hash}\n  {}", name(status.stage()));
    if let (Some(block), Some(index)) = (status.block_number, status.transaction_index) {
        text += &format!(", block {block}, position {index}");
    }
    if let Some(batch) = status.batch_index {
        text += &format!(", batch {batch}");
    }
    text
}
