//! `weft settlement status`, `commitments`, `show`.

use serde_json::{Value, json};
use weft_wire::SettlementClient;
use weft_wire::convert::CommitmentView;

use crate::args::SettlementClientCommand;
use crate::output::{Exit, Failure, print};

/// Runs the command.
pub async fn run(command: SettlementClientCommand) -> Result<Exit, Failure> {
    match command {
        SettlementClientCommand::Status(endpoint) => {
            let tip = SettlementClient::new(&endpoint.settlement_url)?.tip().await?;
            let value = json!({
                "tip_index": tip.tip.map(|(index, _)| index),
                "tip_hash": tip.tip.map(|(_, hash)| hash),
                "finalized_index": tip.finalized_index,
                "finalized_block": tip.finalized_block,
                "log_seq": tip.log.0,
                "log_hash": tip.log.1,
                "inbox_len": tip.inbox_len,
                "frozen": tip.frozen,
            });
            print(endpoint.json, &value, || {
                let shown = |index: Option<u64>| index.map_or("none".to_owned(), |index| index.to_string());
                format!(
                    "newest batch     {}\nfinal batch      {} (block {})\nlog              {} entries\ninbox            {} items{}",
                    shown(tip.tip.map(|(index, _)| index)),
                    shown(tip.finalized_index),
                    tip.finalized_block,
                    tip.log.0,
                    tip.inbox_len,
                    if tip.frozen { "\nposting is FROZEN because of equivocation" } else { "" },
                )
            })?;
        }
        SettlementClientCommand::Commitments { from, limit, endpoint } => {
            let client = SettlementClient::new(&endpoint.settlement_url)?;
            let views = client.commitments(from, limit).await?;
            let values: Vec<Value> = views.iter().map(describe).collect();
            print(endpoint.json, &values, || {
                let lines: Vec<String> = views.iter().map(line).collect();
                if lines.is_empty() { "no commitments yet".to_owned() } else { lines.join("\n") }
            })?;
        }
        SettlementClientCommand::Show { batch, endpoint } => {
            let view = SettlementClient::new(&endpoint.settlement_url)?.commitment(batch).await?;
            let value = describe(&view);
            print(endpoint.json, &value, || {
                let empty = serde_json::Map::new();
                let fields = value.as_object().unwrap_or(&empty).iter();
                let lines: Vec<String> = fields
                    .map(|(name, value)| {
                        format!("{name:<18} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                    })
                    .collect();
                lines.join("\n")
            })?;
        }
    }
    Ok(Exit::Ok)
}

fn line(view: &CommitmentView) -> String {
    let header = &view.signed.header;
    format!(
        "batch {:<5} {:<10} blocks {} to {}, {} transactions, {} bytes in DA block {}  {}",
        header.batch_index,
        view.status.as_str().to_lowercase(),
        header.first_block,
        header.last_block,
        header.tx_count,
        header.payload_len,
        header.da_height,
        view.commitment,
    )
}

fn describe(view: &CommitmentView) -> Value {
    let header = &view.signed.header;
    json!({
        "batch_index": header.batch_index,
        "status": view.status.as_str().to_lowercase(),
        "commitment": view.commitment,
        "parent_commitment": header.parent_commitment,
        "first_block": header.first_block,
        "last_block": header.last_block,
        "last_block_hash": header.last_block_hash,
        "pre_state_root": header.pre_state_root,
        "post_state_root": header.post_state_root,
        "tx_count": header.tx_count,
        "gas_used": header.gas_used,
        "payload_hash": header.payload_hash,
        "payload_len": header.payload_len,
        "da_height": header.da_height,
        "da_data_root": header.da_data_root,
        "inbox_from": header.inbox_from,
        "inbox_to": header.inbox_to,
        "anchor_seq": header.anchor_seq,
        "signer": view.signed.signer().ok(),
        "log_seq": view.log_seq,
        "posted_ms": view.posted_ms,
        "finalized_ms": view.finalized_ms,
        "reject_reason": view.reject_reason,
    })
}
