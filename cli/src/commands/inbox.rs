//! Following what is in settlement's inbox until it is final, and what to show if the sequencer has left it out.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weft_primitives::BatchHeader;
use weft_settlement::{InboxReceipt, Status};
use weft_wire::SettlementClient;
use weft_wire::convert::CommitmentView;

use crate::output::Failure;

/// Pause between two looks.
const POLL: Duration = Duration::from_millis(200);

/// What became of an item.
pub struct Followed {
    /// The final commitment that has consumed it; `None` if there was none in time.
    pub commitment: Option<CommitmentView>,
    /// That the sequencer missed the deadline, if it did.
    pub missed: Option<Value>,
}

/// When an item entered the inbox, and what follows from that.
pub async fn receipt(client: &SettlementClient, index: u64) -> Result<Option<InboxReceipt>, Failure> {
    let Some(item) = client.inbox(index, 1).await?.into_iter().find(|item| item.index == index) else {
        return Ok(None);
    };
    let info = client.info().await?;
    let deadline_ms = item.time_ms.saturating_add(info.inbox_deadline_ms);
    let force_ms = deadline_ms.saturating_add(info.inbox_grace_ms);
    Ok(Some(InboxReceipt { index, time_ms: item.time_ms, deadline_ms, force_ms, log_seq: 0 }))
}

/// Follows an item until the batch with it is final, and forces it when it may.
pub async fn follow(client: &SettlementClient, receipt: &InboxReceipt, limit: Duration) -> Result<Followed, Failure> {
    let start = Instant::now();
    let (mut missed, mut told) = (None, false);
    loop {
        let commitment = consumer(client, receipt.index).await?;
        if let Some(view) = commitment.filter(|view| view.status == Status::Finalized) {
            return Ok(Followed { commitment: Some(view), missed });
        }
        if missed.is_none() {
            missed = miss(client, receipt).await?;
            if let Some(proof) = &missed {
                eprintln!("the sequencer has missed the deadline of inbox item {}:\n{proof:#}", receipt.index);
            }
        }
        if missed.is_some() {
            // A refusal says that it is too early, or that the sequencer came after all.
            match client.force_batch().await {
                Ok((commitment, _)) => eprintln!("forced: batch commitment {commitment}"),
                Err(error) if error.reason == "WITNESS_NEEDED" && !told => {
                    told = true;
                    eprintln!("mode optimistic: weft settlement force-batch goes on without the sequencer");
                }
                Err(_) => {}
            }
        }
        if start.elapsed() >= limit {
            return Ok(Followed { commitment: None, missed });
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The canonical commitment that has consumed an item.
pub async fn consumer(client: &SettlementClient, index: u64) -> Result<Option<CommitmentView>, Failure> {
    let tip = client.tip().await?;
    let Some((last, _)) = tip.tip.filter(|_| tip.inbox_cursor > index) else { return Ok(None) };
    // Cursors never fall from batch to batch.
    let (mut least, mut most) = (0, last);
    while least < most {
        let middle = least + (most - least) / 2;
        match at(client, middle).await? {
            Some(view) if view.signed.header.inbox_to <= index => least = middle + 1,
            _ => most = middle,
        }
    }
    let holds = |header: &BatchHeader| (header.inbox_from..header.inbox_to).contains(&index);
    Ok(at(client, least).await?.filter(|view| holds(&view.signed.header)))
}

/// The canonical commitment at an index; a rejection may have taken it back meanwhile.
async fn at(client: &SettlementClient, index: u64) -> Result<Option<CommitmentView>, Failure> {
    let views = client.commitments(index, 1).await?;
    Ok(views.into_iter().find(|view| view.signed.header.batch_index == index))
}

/// That an item's deadline has passed without it, from the log: the item's entry, and the newest commitment and entry
/// of a later time. Anyone can check it against the log.
async fn miss(client: &SettlementClient, receipt: &InboxReceipt) -> Result<Option<Value>, Failure> {
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis() as u64;
    let tip = client.tip().await?;
    if now_ms.max(tip.log_time_ms) < receipt.deadline_ms || tip.inbox_cursor > receipt.index {
        return Ok(None);
    }
    Ok(Some(json!({
        "item": receipt.index,
        "entered_ms": receipt.time_ms,
        "deadline_ms": receipt.deadline_ms,
        "forced_from_ms": receipt.force_ms,
        "seen_ms": now_ms,
        "newest_commitment": tip.tip.map(|(_, hash)| hash),
        "newest_batch": tip.tip.map(|(index, _)| index),
        "consumed_up_to": tip.inbox_cursor,
        "log_seq": tip.log.0,
        "log_hash": tip.log.1,
        "log_time_ms": tip.log_time_ms,
    })))
}

/// For people and machines.
pub fn describe(receipt: &InboxReceipt, followed: Option<&Followed>) -> Value {
    let view = followed.and_then(|followed| followed.commitment.as_ref());
    json!({
        "inbox_index": receipt.index,
        "entered_ms": receipt.time_ms,
        "deadline_ms": receipt.deadline_ms,
        "forced_from_ms": receipt.force_ms,
        "batch": view.map(|view| view.signed.header.batch_index),
        "commitment": view.map(|view| view.commitment),
        "first_block": view.map(|view| view.signed.header.first_block),
        "last_block": view.map(|view| view.signed.header.last_block),
        "forced": view.map(|view| view.signed.is_forced()),
        "final": view.is_some(),
        "missed_deadline": followed.and_then(|followed| followed.missed.clone()),
    })
}

/// The same in words.
pub fn in_words(receipt: &InboxReceipt, followed: Option<&Followed>) -> String {
    let left_ms = receipt.deadline_ms.saturating_sub(receipt.time_ms);
    let mut text = format!("inbox item {}, due within {} s", receipt.index, left_ms / 1_000);
    match followed {
        None => {}
        Some(Followed { commitment: None, .. }) => text += "\n  not final yet",
        Some(Followed { commitment: Some(view), .. }) => {
            let header = &view.signed.header;
            let how = if view.signed.is_forced() { "forced batch" } else { "batch" };
            text += &format!(
                "\n  final in {how} {}, blocks {} to {}",
                header.batch_index, header.first_block, header.last_block
            );
        }
    }
    text
}
