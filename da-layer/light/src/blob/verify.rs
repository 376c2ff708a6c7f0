//! The verdict on a claim about a blob.

use std::sync::Arc;

use tokio::time::Instant;
use weft_da::{BlobProof, VerifiedHeader};
use weft_verdict::{BlobClaim, Judgement};

use super::locate::{Located, locate};
use super::{BlobError, BlobVerdict};
use crate::client::Client;
use crate::engine;
use crate::progress::Progress;

pub(crate) async fn verify(
    client: &Client,
    claim: BlobClaim,
    given: Option<BlobProof>,
) -> Result<BlobVerdict, BlobError> {
    let silent: Progress = Arc::new(|_| {});
    let deadline = Instant::now() + client.config.limits.wait_for_block;
    let anchor = client.settle(Some(deadline), &silent).await?;
    let Located { header, inclusion, source, .. } = locate(client, &anchor, &claim, given, &silent).await?;
    let judgement = judgement(client, header, silent).await?;
    crate::metrics::blob_verified(inclusion.is_ok());
    Ok(BlobVerdict { header: *header.signed(), inclusion, proof_source: source, judgement })
}

/// What this client found out about the block; it is judged now if it was not before, or could not be decided.
async fn judgement(client: &Client, header: VerifiedHeader, progress: Progress) -> Result<Judgement, BlobError> {
    let known = client.store.get(header.header().height).map(|record| record.judgement);
    if let Some(known) = &known
        && known.header_hash == header.hash()
        && known.verdict.is_final()
    {
        return Ok(known.clone());
    }
    let linked = known.is_some_and(|known| known.linked && known.header_hash == header.hash());
    let judged = client.judge.judge(engine::case(client, header, linked)?, progress).await;
    let judgement = judged.judgement.clone();
    engine::remember(client, vec![judged]).await?;
    Ok(judgement)
}
