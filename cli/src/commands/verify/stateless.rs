//! `weft verify --stateless`: one batch, on a witness. The commitment before it is taken for true, nothing else is.

use std::time::Instant;

use serde_json::json;
use weft_execution::forced::{ForcedContext, verify_forced_stateless};
use weft_execution::verify::{Checkpoint, Valid, Verdict, verify_stateless};
use weft_execution::{Parent, World};
use weft_primitives::{ChainConfig, SignedBatch};
use weft_wire::client::WireWitness;
use weft_wire::{DaClient, SequencerClient, SettlementClient};

use super::{Report, invalid, undecided};
use crate::commands::audit::{Auditor, Judged, Log};
use crate::output::{Exit, Failure};

/// Where a batch's content comes from.
enum Subject<'a> {
    /// Its payload.
    Posted(Vec<u8>),
    /// The log.
    Forced(ForcedContext<'a>),
}

/// Judges a batch by its commitment, its payload, the log and a witness.
pub(super) async fn judge(
    chain: &ChainConfig,
    settlement: &SettlementClient,
    da: &DaClient,
    witnesses: &SequencerClient,
    index: u64,
) -> Result<Report, Failure> {
    let start = Instant::now();
    let log = Log::read(chain, settlement).await?;
    let have = log.commitments().len();
    let at = usize::try_from(index).ok().filter(|at| *at < have);
    let Some(at) = at else { return Err(Failure(format!("there is no batch {index}: settlement has {have}"))) };
    let posted = &log.commitments()[at];
    let claim = &posted.signed.header;
    let subject = match posted.forced_from {
        Some(inbox_len) => log.forced(claim, inbox_len).map(Subject::Forced),
        None => Auditor::new(chain, da.clone())?.gather(posted).await.map(Subject::Posted),
    };
    let subject = match subject {
        Ok(subject) => subject,
        Err(Judged::Undecided { missing }) => return Ok(undecided(index, &missing)),
        Err(Judged::Invalid { block, code, message }) => return Ok(invalid(index, block, code, &message)),
        Err(Judged::Valid) => return Err(Failure("a batch is valid that was not executed".to_owned())),
    };
    let witness = match witnesses.witness(index).await {
        Ok(witness) => witness,
        Err(error) => return Ok(undecided(index, &format!("a witness ({error})"))),
    };
    let before = at.checked_sub(1).map(|before| &log.commitments()[before].signed);
    let checkpoint = match checkpoint(chain, before, &witness)? {
        Ok(checkpoint) => checkpoint,
        Err(missing) => return Ok(undecided(index, &missing)),
    };
    let verdict = match &subject {
        Subject::Posted(payload) => {
            verify_stateless(chain, &checkpoint, claim, payload, &log.around(posted), &witness.bytes)
        }
        Subject::Forced(context) => verify_forced_stateless(chain, &checkpoint, claim, context, &witness.bytes),
    };
    Ok(match verdict {
        Verdict::Valid(valid) => report(&posted.signed, &valid, witness.bytes.len(), start),
        Verdict::Invalid { block, reason } => invalid(index, block, reason.code(), &reason.to_string()),
        Verdict::Undecided { missing } => undecided(index, &missing),
    })
}

/// The end of the batch before; or what is missing of it.
fn checkpoint(
    chain: &ChainConfig,
    before: Option<&SignedBatch>,
    witness: &WireWitness,
) -> Result<Result<Checkpoint, String>, Failure> {
    let Some(before) = before else {
        return Ok(Ok(Checkpoint::genesis(Parent::new(World::genesis(chain)?.1))));
    };
    let block = Parent::new(witness.parent.clone());
    let claim = &before.header;
    // The witness's own word for it: the commitment knows better.
    if block.hash != claim.last_block_hash {
        return Ok(Err(format!("the header with hash {}", claim.last_block_hash)));
    }
    Ok(Ok(Checkpoint {
        next_batch: claim.batch_index + 1,
        commitment: claim.hash(),
        block,
        inbox_cursor: claim.inbox_to,
        inbox_acc: claim.inbox_acc,
    }))
}

fn report(signed: &SignedBatch, valid: &Valid, witness_bytes: usize, start: Instant) -> Report {
    let (claim, header) = (&signed.header, &valid.checkpoint.block.header);
    let elapsed_ms = start.elapsed().as_secs_f64() * 1e3;
    Report {
        value: json!({
            "verdict": "valid",
            "batch": claim.batch_index,
            "parent_commitment": claim.parent_commitment,
            "transactions": claim.tx_count,
            "last_block": header.number,
            "last_block_hash": valid.checkpoint.block.hash,
            "state_root": header.state_root,
            "witness_bytes": witness_bytes,
            "elapsed_ms": elapsed_ms,
        }),
        text: format!(
            "Valid: batch {}, given commitment {} before it\n  {} transactions re-executed up to block {} on a witness \
             of {witness_bytes} bytes in {elapsed_ms:.0} ms\n  state root {}",
            claim.batch_index, claim.parent_commitment, claim.tx_count, header.number, header.state_root
        ),
        exit: Exit::Ok,
    }
}
