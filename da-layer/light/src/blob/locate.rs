//! Where a blob is: the header of its block, and its entry.

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::timeout;
use weft_da::{BlobIndex, BlobProof, SignedHeader, VerifiedHeader, verify_checkpoint};
use weft_verdict::chain::{Chain, ChainFault};
use weft_verdict::{Anchor, BlobClaim, NotIncluded};

use super::rows::Download;
use super::{BlobError, ProofSource};
use crate::client::Client;
use crate::nodes::{FaultKind, Node};
use crate::once::{self, OnceTarget};
use crate::progress::Progress;
use crate::source::SourceError;

/// What was found out about a claim.
pub(super) struct Located {
    pub(super) header: VerifiedHeader,
    pub(super) inclusion: Result<BlobProof, NotIncluded>,
    pub(super) source: ProofSource,
    /// What was downloaded of the block on the way.
    pub(super) download: Option<Download>,
}

/// Finds the header and the entry.
pub(super) async fn locate(
    client: &Client,
    anchor: &Anchor,
    claim: &BlobClaim,
    given: Option<BlobProof>,
    progress: &Progress,
) -> Result<Located, BlobError> {
    let chain = client.chain(anchor);
    if let Some(proof) = given {
        let height = claim.height.ok_or(BlobError::ProofWithoutPlace)?;
        let header = header(client, anchor, &chain, height).await?;
        let inclusion = claim.check_proof(header.header(), &proof).map(|_| proof);
        return Ok(Located { header, inclusion, source: ProofSource::Given, download: None });
    }
    if let Some((header, proof, node)) = ask(client, &chain, claim).await? {
        return Ok(Located { header, inclusion: Ok(proof), source: ProofSource::Node(node), download: None });
    }
    let Some(height) = claim.height else {
        return Err(BlobError::NotFound { nodes: client.nodes.faults_in_words() });
    };
    let header = header(client, anchor, &chain, height).await?;
    let mut download = Download::start(client, header, progress.clone()).await?;
    let bytes = download.part(0, header.header().index_len() as u64).await?;
    let index = BlobIndex::verify(header.header(), &bytes).map_err(|why| BlobError::WrongIndex { height, why })?;
    Ok(Located { header, inclusion: claim.find(&index), source: ProofSource::Index, download: Some(download) })
}

/// The header of a height: as this client took it, or as the nodes show it.
async fn header(client: &Client, anchor: &Anchor, chain: &Chain, height: u64) -> Result<VerifiedHeader, BlobError> {
    let known = client.store.get(height).and_then(|record| verify_checkpoint(&record.header, anchor.address).ok());
    if let Some(header) = known {
        return Ok(header);
    }
    let shown = once::header(client, chain, OnceTarget::Height(height)).await?;
    shown.ok_or_else(|| BlobError::NoHeader { height, nodes: client.nodes.faults_in_words() })
}

/// Asks all nodes for a proof; the first that holds counts.
async fn ask(
    client: &Client,
    chain: &Chain,
    claim: &BlobClaim,
) -> Result<Option<(VerifiedHeader, BlobProof, String)>, BlobError> {
    let limit = client.config.limits.request_timeout;
    let mut asked: FuturesUnordered<_> = client
        .nodes
        .iter()
        .map(|node| async move {
            let answer = timeout(limit, node.source().blob_proof(claim.namespace, claim.hash)).await;
            (node, answer.unwrap_or(Err(SourceError::TimedOut)))
        })
        .collect();
    while let Some((node, answer)) = asked.next().await {
        match answer {
            Ok((signed, proof)) => {
                if let Some(header) = check(client, chain, claim, node, &signed, &proof)? {
                    node.answered();
                    return Ok(Some((header, proof, node.name().to_owned())));
                }
            }
            // It may not have the block, or not yet: no fault.
            Err(SourceError::NotFound) => node.answered(),
            Err(error) => node.error(&error, "the proof of a blob"),
        }
    }
    Ok(None)
}

/// The header of a proof that holds; `None` if the node lied, or speaks of another block than the claim.
fn check(
    client: &Client,
    chain: &Chain,
    claim: &BlobClaim,
    node: &Node,
    signed: &SignedHeader,
    proof: &BlobProof,
) -> Result<Option<VerifiedHeader>, BlobError> {
    let height = signed.header.height;
    let known = client.store.get(height).map(|record| record.header);
    let checked = chain
        .check_at(signed, height)
        .and_then(|header| known.map_or(Ok(()), |ours| chain.compare(&ours, signed)).map(|()| header));
    let header = match checked {
        Ok(header) => header,
        Err(ChainFault::Fork(fork)) => return Err(client.fork(fork).into()),
        Err(ChainFault::Node(fault)) => {
            node.fault(FaultKind::Lie, format_args!("the header of a blob's proof: {fault}"));
            return Ok(None);
        }
    };
    // Another height, offset or length than claimed is not the node's fault: the same bytes may be there twice.
    let anywhere = BlobClaim { height: None, offset: None, length: None, ..*claim };
    if let Err(why) = anywhere.check_proof(header.header(), proof) {
        node.fault(FaultKind::Lie, format_args!("a blob's proof: {why}"));
        return Ok(None);
    }
    let fits =
        claim.height.is_none_or(|claimed| claimed == height) && claim.check_proof(header.header(), proof).is_ok();
    Ok(fits.then_some(header))
}
