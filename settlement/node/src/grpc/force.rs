//! Receiving a witness for a forced batch.

use futures::{Stream, StreamExt};
use tonic::Status;
use weft_wire::convert::required;
use weft_wire::pb::settlement::v1 as pb;

use super::challenge::{self, MAX_HEADER_BYTES, RECEIVE_TIMEOUT, START_TIMEOUT, malformed, too_slow};
use super::refusals;
use crate::chains::Chains;
use pb::force_batch_on_witness_request::Part;

/// Takes one witness and says what came of it.
pub(super) async fn answer(
    chains: &Chains,
    mut parts: impl Stream<Item = Result<pb::ForceBatchOnWitnessRequest, Status>> + Unpin,
) -> Result<pb::ForceBatchResponse, Status> {
    let first = tokio::time::timeout(START_TIMEOUT, parts.next()).await.map_err(|_| too_slow(START_TIMEOUT))?;
    let Some(Part::Start(start)) = required("start", first.transpose()?)?.part else {
        return Err(malformed("the first message must be a start"));
    };
    if start.parent_header.len() > MAX_HEADER_BYTES {
        return Err(malformed(format!("parent_header is longer than {MAX_HEADER_BYTES} bytes")));
    }
    let challenges = &chains.get(start.chain_id)?.challenges;
    let permit = challenges.admit_forced(start.witness_len).await.map_err(|refused| refusals::challenge(&refused))?;
    let chunks = parts.map(|message| {
        Ok(match message?.part {
            Some(Part::Chunk(chunk)) => Some(chunk),
            _ => None,
        })
    });
    let witness = tokio::time::timeout(RECEIVE_TIMEOUT, challenge::receive(chunks, start.witness_len));
    let witness = witness.await.map_err(|_| too_slow(RECEIVE_TIMEOUT))??;
    let forced = challenges.force(permit, &start.parent_header, witness).await;
    let receipt = forced.map_err(|refused| refusals::challenge(&refused))?;
    Ok(pb::ForceBatchResponse { commitment_hash: super::wire(receipt.commitment), log_seq: receipt.log_seq })
}
