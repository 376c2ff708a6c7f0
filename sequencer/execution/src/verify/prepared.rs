//! What can be done of a judgement before the state is there: by other threads, while the batch before is executed.

use alloy_primitives::B256;
use weft_primitives::batch::Batch;
use weft_primitives::{BatchHeader, Transaction};

use super::verdict::{Reason, Stop};
use crate::recover::{Recovered, recover_windows};

/// A payload, compared with its claim and decoded, or why it is not what is claimed.
#[derive(Debug)]
pub struct Prepared {
    pub(super) batch: Result<Batch, Stop>,
    /// The first of the batch's transactions; the others are recovered while they are executed.
    pub(super) recovered: Recovered,
}

impl Prepared {
    /// With no sender recovered yet.
    pub(super) fn decoded(claim: &BatchHeader, payload: &[u8]) -> Self {
        Self { batch: decode(claim, payload), recovered: Recovered::new() }
    }

    /// Of a batch that somebody has executed before: its transactions have their senders, those of the inbox left out.
    pub fn known(batch: Batch, transactions: impl IntoIterator<Item = Transaction>) -> Self {
        Self { batch: Ok(batch), recovered: transactions.into_iter().map(Ok).collect() }
    }
}

/// Decodes what is claimed by `claim`, and recovers all senders on the threads of the pool that this is called in.
///
/// Never fails: what is wrong is part of the verdict, when its turn comes.
pub fn prepare(chain_id: u64, claim: &BatchHeader, payload: &[u8]) -> Prepared {
    let mut prepared = Prepared::decoded(claim, payload);
    if let Ok(batch) = &prepared.batch {
        let raw = batch.blocks.iter().flat_map(|block| block.transactions.iter().cloned());
        prepared.recovered = recover_windows(raw, chain_id);
    }
    prepared
}

/// The payload must be the bytes that the claim is about. Other bytes say nothing about the claim.
fn decode(claim: &BatchHeader, payload: &[u8]) -> Result<Batch, Stop> {
    let hash = B256::from(*blake3::hash(payload).as_bytes());
    if hash != claim.payload_hash {
        return Err(Stop::Undecided(format!("the payload with hash {}", claim.payload_hash)));
    }
    if payload.len() as u64 != claim.payload_len {
        return Err(Stop::mismatch("payload_len"));
    }
    Batch::decode(payload).map_err(|error| Stop::Invalid(None, Reason::Undecodable(error.to_string())))
}
