//! What is to be done, from what the log says and what is stored. Pure: the store is asked through a function.

use weft_primitives::limits::MAX_BLOCK_INBOX_ITEMS;
use weft_primitives::{B256, InboxItem};
use weft_settlement::{Record, RejectReason, Replay, Status};

use super::Disagreement;
use crate::store::{BatchRecord, StoreError};

/// Batches planned at once. They are looked up again after that.
const MOST_JOBS: usize = 64;

/// A batch to be judged, with what the log says around it.
#[derive(Clone, Debug)]
pub struct Job {
    /// The commitment.
    pub record: Record,
    /// From where its content comes.
    pub subject: Subject,
}

/// From where a batch's content comes.
#[derive(Clone, Debug)]
pub enum Subject {
    /// From a payload on the DA layer.
    Posted {
        /// The inbox items that it claims to consume.
        inbox: Vec<InboxItem>,
        /// When the first item entered that it leaves, if there is one.
        next_item_ms: Option<u64>,
    },
    /// From the log alone.
    Forced {
        /// The items that waited, as many as a block takes.
        waiting: Vec<InboxItem>,
        /// Time of the entry that it is anchored to, in milliseconds.
        anchor_ms: u64,
    },
}

impl Job {
    fn new(replay: &Replay, record: &Record) -> Self {
        let (header, history) = (&record.signed.header, replay.history());
        let facts = history.facts(&record.signed);
        let items =
            |to| (header.inbox_from..to).map_while(|index| history.inbox_row(index)).map(|row| row.item.clone());
        let subject = match history.forced_from(record.log_seq) {
            Some(inbox_len) => Subject::Forced {
                waiting: items(inbox_len).take(MAX_BLOCK_INBOX_ITEMS).collect(),
                anchor_ms: facts.anchor.map_or(0, |anchor| anchor.time_ms),
            },
            None => Subject::Posted { inbox: items(header.inbox_to).collect(), next_item_ms: facts.first_left_ms },
        };
        Self { subject, record: record.clone() }
    }

    /// Whether its payload is on the DA layer.
    pub const fn has_payload(&self) -> bool {
        matches!(self.subject, Subject::Posted { .. })
    }

    /// Its batch.
    pub const fn index(&self) -> u64 {
        self.record.signed.header.batch_index
    }
}

/// What comes next.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Nothing, until the log says more.
    Wait,
    /// These batches follow the stored ones.
    Extend(Vec<Job>),
    /// Stored batches were rejected, or their predecessors.
    RollBack {
        /// The last block that stands.
        to: u64,
        /// The first batch that does not.
        first_batch: u64,
    },
    /// What was found here contradicts the log.
    Stop(Disagreement),
}

/// A batch that was found invalid here.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Its commitment.
    pub commitment: B256,
    /// What is wrong with it.
    pub why: String,
}

/// Compares the log with the stored batches: `stored` of them, each read by `batch`; of these `finalized` are final.
pub fn plan(
    replay: &Replay,
    stored: u64,
    finalized: u64,
    refused: Option<&Refused>,
    batch: impl Fn(u64) -> Result<Option<BatchRecord>, StoreError>,
) -> Result<Plan, StoreError> {
    let canonical = replay.chain().parent().next_index;
    let commitment = |index: u64| -> Result<(B256, u64), StoreError> {
        let record = batch(index)?.ok_or(StoreError::Damaged { what: "batch" })?;
        Ok((record.header.hash(), record.header.last_block))
    };
    // Down to the last that both have.
    let mut agreed = stored.min(canonical);
    let mut to = 0;
    while let Some(index) = agreed.checked_sub(1) {
        let (own, last_block) = commitment(index)?;
        if replay.history().canonical(index).is_some_and(|record| record.commitment == own) {
            to = last_block;
            break;
        }
        agreed = index;
    }
    if agreed < stored {
        return Ok(fallen(replay, commitment(agreed)?.0, agreed, finalized)
            .map_or(Plan::RollBack { to, first_batch: agreed }, Plan::Stop));
    }
    let mut jobs = Vec::new();
    for record in replay.history().canonical_from(agreed).take(MOST_JOBS) {
        if let Some(refused) = refused.filter(|refused| refused.commitment == record.commitment) {
            // It is settlement's to reject it; what builds on it cannot be judged.
            if matches!(record.status, Status::Verified | Status::Finalized) {
                let (index, commitment) = (record.signed.header.batch_index, record.commitment);
                let why = refused.why.clone();
                return Ok(Plan::Stop(Disagreement::InvalidAccepted { index, commitment, why }));
            }
            break;
        }
        jobs.push(Job::new(replay, record));
    }
    Ok(if jobs.is_empty() { Plan::Wait } else { Plan::Extend(jobs) })
}

/// Whether a stored batch may be taken back: it was found valid here.
fn fallen(replay: &Replay, commitment: B256, index: u64, finalized: u64) -> Option<Disagreement> {
    if index < finalized {
        return Some(Disagreement::FinalReplaced { index });
    }
    let rejection = replay.history().record(commitment).and_then(|record| record.rejection)?;
    let by_availability = matches!(
        rejection.reason,
        RejectReason::Unavailable | RejectReason::NotInDaBlock | RejectReason::WrongEncoding
    );
    (!by_availability).then_some(Disagreement::ValidRejected { index, commitment, reason: rejection.reason })
}
