//! One batch on the chain's own state.

use weft_execution::forced::{ForcedContext, verify_forced_on};
use weft_execution::parallel::Engine;
use weft_execution::verify::{Checkpoint, LogContext, Prepared, Verdict, verify_on};

use super::Job;
use super::plan::Subject;
use crate::chain::{Chain, Made, Tip};

/// What was found of a batch.
pub enum Judged {
    /// The state in memory has moved by these blocks.
    Valid { blocks: Vec<Made>, checkpoint: Box<Checkpoint> },
    /// The state is as before.
    Invalid { why: String },
    /// Something is missing, though a whole state is here. It is as before, unless that cannot be read from the disk.
    Undecided { missing: String },
}

/// Judges a batch on top of `checkpoint`, which the state of `chain` must be at; `prepared` is what its payload gave.
/// The engine may be kept.
pub fn judge(
    chain: &Chain,
    engine: &mut Engine,
    checkpoint: &Checkpoint,
    job: &Job,
    prepared: Option<Prepared>,
) -> Judged {
    let claim = &job.record.signed.header;
    let mut ground = chain.ground();
    let (inbox, (verdict, applied)) = match (&job.subject, prepared) {
        (Subject::Posted { inbox, next_item_ms }, Some(prepared)) => {
            let log = LogContext { inbox, next_item_ms: *next_item_ms, posted_ms: job.record.posted_ms };
            (inbox, verify_on(chain.config(), checkpoint, claim, prepared, &log, &mut ground, engine))
        }
        (Subject::Forced { waiting, anchor_ms }, _) => {
            let anchor = (claim.anchor_seq, claim.anchor_hash, *anchor_ms);
            let log = ForcedContext { waiting, anchor, leader_epoch: claim.leader_epoch };
            let (verdict, applied) = verify_forced_on(chain.config(), checkpoint, claim, &log, &mut ground);
            (waiting, (verdict, applied.into_iter().collect()))
        }
        (Subject::Posted { .. }, None) => return Judged::Undecided { missing: "the payload".to_owned() },
    };
    if let Err(error) = ground.take_back(&applied) {
        return Judged::Undecided { missing: error.to_string() };
    }
    match verdict {
        Verdict::Valid(valid) => {
            let tip = Tip {
                parent: checkpoint.block.clone(),
                inbox_cursor: checkpoint.inbox_cursor,
                inbox_acc: checkpoint.inbox_acc,
            };
            Judged::Valid { blocks: Chain::made(valid.blocks, &tip, inbox), checkpoint: Box::new(valid.checkpoint) }
        }
        Verdict::Invalid { block, reason } => {
            let place = block.map_or(String::new(), |block| format!("block {block}: "));
            Judged::Invalid { why: format!("{place}{reason} ({})", reason.code()) }
        }
        Verdict::Undecided { missing } => Judged::Undecided { missing },
    }
}
