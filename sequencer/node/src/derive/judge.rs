//! One batch on the chain's own state.

use weft_execution::parallel::Engine;
use weft_execution::verify::{Checkpoint, Prepared, Verdict, verify_on};

use super::Job;
use crate::chain::{Chain, Made, Tip};

/// What was found of a batch.
pub enum Judged {
    /// The state in memory has moved by these blocks.
    Valid { blocks: Vec<Made>, checkpoint: Box<Checkpoint> },
    /// The state is as before.
    Invalid { why: String },
    /// Something is missing, though a whole state is here; the state is as before.
    Undecided { missing: String },
}

/// Judges a batch on top of `checkpoint`, which the state of `chain` must be at. The engine may be kept.
pub fn judge(chain: &Chain, engine: &mut Engine, checkpoint: &Checkpoint, job: &Job, prepared: Prepared) -> Judged {
    let claim = &job.record.signed.header;
    let mut ground = chain.ground();
    let (verdict, applied) =
        verify_on(chain.config(), checkpoint, claim, prepared, &job.context(), &mut ground, engine);
    ground.take_back(&applied);
    match verdict {
        Verdict::Valid(valid) => {
            let tip = Tip {
                parent: checkpoint.block.clone(),
                inbox_cursor: checkpoint.inbox_cursor,
                inbox_acc: checkpoint.inbox_acc,
            };
            Judged::Valid {
                blocks: Chain::made(valid.blocks, &tip, &job.inbox),
                checkpoint: Box::new(valid.checkpoint),
            }
        }
        Verdict::Invalid { block, reason } => {
            let place = block.map_or(String::new(), |block| format!("block {block}: "));
            Judged::Invalid { why: format!("{place}{reason} ({})", reason.code()) }
        }
        Verdict::Undecided { missing } => Judged::Undecided { missing },
    }
}
