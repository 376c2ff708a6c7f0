//! Receiving a challenge: its start, then the witness, never more than was announced, never longer than a while.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use tonic::Status;
use weft_wire::convert::{hash, required};
use weft_wire::pb::settlement::v1 as pb;
use weft_wire::status::Plain;

use super::refusals;
use crate::chains::Chains;
use crate::challenge::Outcome;
use pb::challenge_request::Part;
use pb::challenge_response::Outcome as PbOutcome;

/// Longest time from a challenge's start to the last byte of its witness.
pub(super) const RECEIVE_TIMEOUT: Duration = Duration::from_secs(60);

/// Largest header of a block, in bytes of its RLP; they have some 600.
pub(super) const MAX_HEADER_BYTES: usize = 4_096;

/// Longest wait for the first message.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Takes one challenge and says what came of it.
pub(super) async fn answer(
    chains: &Chains,
    mut parts: impl Stream<Item = Result<pb::ChallengeRequest, Status>> + Unpin,
) -> Result<pb::ChallengeResponse, Status> {
    let first = tokio::time::timeout(START_TIMEOUT, parts.next()).await.map_err(|_| too_slow(START_TIMEOUT))?;
    let Some(Part::Start(start)) = required("start", first.transpose()?)?.part else {
        return Err(malformed("the first message must be a start"));
    };
    let commitment = hash("commitment_hash", &start.commitment_hash)?;
    if start.parent_header.len() > MAX_HEADER_BYTES {
        return Err(malformed(format!("parent_header is longer than {MAX_HEADER_BYTES} bytes")));
    }
    let challenges = &chains.get(start.chain_id)?.challenges;
    let ticket = challenges.admit(commitment, start.witness_len).map_err(|refused| refusals::challenge(&refused))?;
    let chunks = parts.map(|message| {
        Ok(match message?.part {
            Some(Part::Chunk(chunk)) => Some(chunk),
            _ => None,
        })
    });
    let witness = tokio::time::timeout(RECEIVE_TIMEOUT, receive(chunks, start.witness_len));
    let witness = witness.await.map_err(|_| too_slow(RECEIVE_TIMEOUT))??;
    let outcome = challenges.judge(ticket, &start.parent_header, witness).await;
    let outcome = outcome.map_err(|refused| refusals::challenge(&refused))?;
    Ok(pb::ChallengeResponse { outcome: Some(outcome.into()) })
}

pub(super) fn malformed(why: impl Into<String>) -> Status {
    Plain::invalid("MALFORMED", why).into()
}

pub(super) fn too_slow(limit: Duration) -> Status {
    let words = format!("the witness was not received within {} s", limit.as_secs());
    Plain::too_slow("RECEIVE_TIMEOUT", words).into()
}

/// Exactly the witness that was announced; `None` stands for a message that is no chunk.
pub(super) async fn receive(
    mut parts: impl Stream<Item = Result<Option<Bytes>, Status>> + Unpin,
    witness_len: u64,
) -> Result<Bytes, Status> {
    let mut witness = BytesMut::new();
    while let Some(message) = parts.next().await {
        let Some(chunk) = message? else {
            return Err(malformed("only chunks may follow the start"));
        };
        if chunk.is_empty() || (witness.len() + chunk.len()) as u64 > witness_len {
            return Err(malformed("a chunk is empty, or goes beyond witness_len"));
        }
        witness.extend_from_slice(&chunk);
    }
    if witness.len() as u64 != witness_len {
        return Err(malformed(format!("{} of {witness_len} bytes of the witness came", witness.len())));
    }
    Ok(witness.freeze())
}

impl From<Outcome> for PbOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Invalid { reason, block, words, log_seq } => Self::Invalid(pb::ChallengeSucceeded {
                reason: reason.to_string(),
                block_number: block,
                message: words,
                log_seq,
            }),
            Outcome::Valid { log_seq } => Self::Valid(pb::ChallengeFailed { log_seq }),
            Outcome::Undecided { missing } => Self::Undecided(pb::ChallengeUndecided { missing }),
        }
    }
}
