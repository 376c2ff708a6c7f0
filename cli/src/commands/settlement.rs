//! `weft settlement status`, `commitments`, `show`, `account`, `fund`, `force-batch`, `challenge`, `evidence`,
//! `rotate-key`.

mod challenge;
mod evidence;
pub mod force;
mod rotate_key;

use alloy_primitives::hex;
use serde_json::{Value, json};
use weft_wire::client::{EndpointError, Tip};
use weft_wire::convert::CommitmentView;
use weft_wire::pb::settlement::v1::GetInfoResponse;
use weft_wire::{DaClient, SettlementClient};

use crate::args::sequencer::load_chain;
use crate::args::{SettlementClientCommand, SettlementEndpoint};
use crate::output::{Exit, Failure, print};
use crate::secrets;

fn client(endpoint: &SettlementEndpoint) -> Result<SettlementClient, EndpointError> {
    Ok(SettlementClient::new(&endpoint.settlement_url)?.for_chain(endpoint.chain_id))
}

/// Runs the command.
pub async fn run(command: SettlementClientCommand) -> Result<Exit, Failure> {
    match command {
        SettlementClientCommand::Status(endpoint) => {
            let client = client(&endpoint)?;
            let (info, tip) = (client.info().await?, client.tip().await?);
            print(endpoint.json, &status(&info, &tip), || status_text(&info, &tip))?;
        }
        SettlementClientCommand::Commitments { from, limit, endpoint } => {
            let client = client(&endpoint)?;
            let views = client.commitments(from, limit).await?;
            let values: Vec<Value> = views.iter().map(describe).collect();
            print(endpoint.json, &values, || {
                let lines: Vec<String> = views.iter().map(line).collect();
                if lines.is_empty() { "no commitments yet".to_owned() } else { lines.join("\n") }
            })?;
        }
        SettlementClientCommand::Account { address, endpoint } => {
            let client = client(&endpoint)?;
            return super::bridge::account(&client, address, endpoint.json).await;
        }
        SettlementClientCommand::Fund { to, value, signing, endpoint } => {
            let client = client(&endpoint)?;
            return super::bridge::fund(&client, &signing, to, value, endpoint.json).await;
        }
        SettlementClientCommand::ForceBatch { genesis, da_url, timeout_s, endpoint } => {
            let client = client(&endpoint)?;
            let source = force::Source { genesis, da_url };
            return super::bridge::force_batch(&client, &source, timeout_s, endpoint.json).await;
        }
        SettlementClientCommand::Show { batch, endpoint } => {
            let view = client(&endpoint)?.commitment(batch).await?;
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
        SettlementClientCommand::Challenge { batch, force, genesis, da_url, endpoint } => {
            let chain = load_chain(genesis.as_deref())?;
            let client = SettlementClient::new(&endpoint.settlement_url)?.for_chain(chain.chain_id());
            return challenge::run(&chain, &client, DaClient::new(&da_url)?, batch, force, endpoint.json).await;
        }
        SettlementClientCommand::Evidence { file, check_only, endpoint } => {
            return evidence::run(&client(&endpoint)?, &file, check_only, endpoint.json).await;
        }
        SettlementClientCommand::RotateKey { key_file, new_key_file, new_address, endpoint } => {
            let new_key = match (new_address, new_key_file) {
                (Some(address), _) => address,
                (None, Some(path)) => secrets::load(&path)?.address(),
                (None, None) => return Err(Failure("--new-key-file or --new-address is needed".to_owned())),
            };
            return rotate_key::run(&client(&endpoint)?, &key_file, new_key, endpoint.json).await;
        }
    }
    Ok(Exit::Ok)
}

fn address(bytes: &[u8]) -> String {
    hex::encode_prefixed(bytes)
}

fn status(info: &GetInfoResponse, tip: &Tip) -> Value {
    json!({
        "chain_id": info.chain_id,
        "mode": info.mode,
        "challenge_window_ms": info.challenge_window_ms,
        "verifiers": info.verifiers.iter().map(|verifier| address(verifier)).collect::<Vec<_>>(),
        "verifiers_needed": info.verifiers_needed,
        "admin": (!info.admin_address.is_empty()).then(|| address(&info.admin_address)),
        "posting_key": tip.posting_key,
        "epoch": tip.epoch,
        "tip_index": tip.tip.map(|(index, _)| index),
        "tip_hash": tip.tip.map(|(_, hash)| hash),
        "finalized_index": tip.finalized_index,
        "finalized_block": tip.finalized_block,
        "log_seq": tip.log.0,
        "log_hash": tip.log.1,
        "inbox_len": tip.inbox_len,
        "frozen": tip.frozen,
        "chain_ids": info.chain_ids,
    })
}

fn status_text(info: &GetInfoResponse, tip: &Tip) -> String {
    let shown = |index: Option<u64>| index.map_or("none".to_owned(), |index| index.to_string());
    let mode = match info.challenge_window_ms {
        0 => info.mode.clone(),
        window_ms => format!("{}, challenge window {} s", info.mode, window_ms as f64 / 1e3),
    };
    let mut lines = vec![
        format!("chain            {}", info.chain_id),
        format!("mode             {mode}"),
        format!("posting key      {} (epoch {})", tip.posting_key, tip.epoch),
        format!("newest batch     {}", shown(tip.tip.map(|(index, _)| index))),
        format!("final batch      {} (block {})", shown(tip.finalized_index), tip.finalized_block),
        format!("log              {} entries", tip.log.0),
        format!("inbox            {} items", tip.inbox_len),
    ];
    if !info.verifiers.is_empty() {
        lines.push(format!("verifiers        {} of {} must agree", info.verifiers_needed, info.verifiers.len()));
    }
    if tip.frozen {
        lines.push("posting is FROZEN by evidence against the key, until the admin changes it (rotate-key)".to_owned());
    }
    lines.join("\n")
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
        "withdrawals_count": header.withdrawals_count,
        "withdrawals_root": header.withdrawals_root,
        "forced": view.signed.is_forced(),
        "signer": view.signed.signer().ok(),
        "log_seq": view.log_seq,
        "posted_ms": view.posted_ms,
        "available_ms": view.available_ms,
        "finalized_ms": view.finalized_ms,
        "reject_reason": view.reject_reason,
        "leader_epoch": header.leader_epoch,
        "verdicts": view.votes.iter().map(|vote| {
            json!({ "verifier": vote.verifier, "valid": vote.valid, "log_seq": vote.log_seq })
        }).collect::<Vec<_>>(),
    })
}
