//! `weft settlement challenge`: makes the witness by itself, and has settlement judge by it.

use serde_json::json;
use weft_primitives::ChainConfig;
use weft_wire::client::ChallengeOutcome;
use weft_wire::{DaClient, SettlementClient};

use super::super::audit::{Auditor, Judged, Log};
use super::super::verify::progress;
use crate::output::{Exit, Failure, print};

/// Challenges a batch's commitment. One that is found true here is challenged only with `force`.
pub async fn run(
    chain: &ChainConfig,
    settlement: &SettlementClient,
    da: DaClient,
    batch: u64,
    force: bool,
    json: bool,
) -> Result<Exit, Failure> {
    let log = Log::read(chain, settlement).await?;
    let found = usize::try_from(batch).ok().and_then(|at| log.commitments().get(at));
    let have = log.commitments().len();
    let posted = found.ok_or_else(|| Failure(format!("there is no batch {batch}: settlement has {have}")))?;
    let mut auditor = Auditor::new(chain, da)?;
    let bar = progress(batch + 1);
    for before in &log.commitments()[..batch as usize] {
        let index = before.signed.header.batch_index;
        match auditor.judge(&log, before).await {
            Judged::Valid => bar.inc(1),
            Judged::Undecided { missing } => return undecided(json, index, &missing),
            Judged::Invalid { code, message, .. } => {
                return Err(Failure(format!(
                    "batch {index} is invalid itself ({code}: {message}): challenge that one, and this one falls with it"
                )));
            }
        }
    }
    let (judged, witness) = match auditor.record(&log, posted).await {
        Ok(recorded) => recorded,
        Err(Judged::Undecided { missing }) => return undecided(json, batch, &missing),
        // What shows without executing anything, settlement refused before.
        Err(Judged::Invalid { code, message, .. }) => return Err(Failure(format!("{message} ({code})"))),
        Err(Judged::Valid) => return Err(Failure("nothing was recorded".to_owned())),
    };
    bar.finish_and_clear();
    match judged {
        Judged::Undecided { missing } => return undecided(json, batch, &missing),
        Judged::Valid if !force => {
            let value = json!({ "batch": batch, "verdict": "valid", "challenged": false });
            print(json, &value, || format!("batch {batch} is valid: there is nothing to challenge (--force does it)"))?;
            return Ok(Exit::Ok);
        }
        Judged::Valid | Judged::Invalid { .. } => {}
    }
    let (commitment, header) = (posted.signed.header.hash(), &auditor.checkpoint().block.header);
    let witness = bytes::Bytes::from(witness.encode());
    let witness_bytes = witness.len();
    match settlement.challenge(commitment, header, witness).await? {
        ChallengeOutcome::Invalid { reason, block, message, log_seq } => {
            let value = json!({
                "batch": batch, "commitment": commitment, "verdict": "invalid", "challenged": true, "reason": reason,
                "block": block, "message": message, "log_seq": log_seq, "witness_bytes": witness_bytes,
            });
            print(json, &value, || {
                format!("batch {batch} is false and was rejected: {message} ({reason}), log entry {log_seq}")
            })?;
            Ok(Exit::Invalid)
        }
        ChallengeOutcome::Valid { log_seq } => {
            let value = json!({
                "batch": batch, "commitment": commitment, "verdict": "valid", "challenged": true, "log_seq": log_seq,
                "witness_bytes": witness_bytes,
            });
            print(json, &value, || format!("the challenge failed: batch {batch} is true"))?;
            Ok(Exit::Ok)
        }
        ChallengeOutcome::Undecided { missing } => undecided(json, batch, &missing),
    }
}

fn undecided(json: bool, batch: u64, missing: &str) -> Result<Exit, Failure> {
    let value = json!({ "batch": batch, "verdict": "undecided", "missing": missing });
    print(json, &value, || format!("undecided: batch {batch}: {missing} is missing"))?;
    Ok(Exit::Undecided)
}
