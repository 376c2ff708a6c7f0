//! Client of a light client: its verdicts, for those who run none themselves.

use std::time::Duration;

use alloy_primitives::Address;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use tonic::Streaming;
use tonic::transport::Channel;
use weft_da::limits::MAX_PAYLOAD_BYTES;
use weft_da::{BlobProof, SignedHeader, blob_hash};
use weft_verdict::{BlobClaim, ChainConfidence, Judgement};

use super::call::{CALL_TIMEOUT, EndpointError, all_within, channel, page, same, timed, within};
use crate::MAX_MESSAGE_BYTES;
use crate::convert::{address, blob_proof, required};
use crate::pb::light::v1 as pb;
use crate::status::RemoteError;
use pb::light_client_client::LightClientClient as Inner;

/// Longest time for a blob to be verified or restored: the client has nodes to ask that may stall.
const RESTORE_TIMEOUT: Duration = Duration::from_secs(300);

/// How a light client stands.
#[derive(Clone, Debug, PartialEq)]
pub struct LightStatus {
    /// Whose headers it takes, and of which network; `None` while that is not settled.
    pub trusted: Option<(Address, u64)>,
    /// Newest header taken; 0 for none.
    pub header_height: u64,
    /// Height up to which all linked heights are judged.
    pub judged_height: Option<u64>,
    /// Confidence that it wants of each height.
    pub target_confidence: f64,
    /// Over all heights judged.
    pub chain: Option<ChainConfidence>,
    /// How the signer contradicted itself.
    pub chain_fault: Option<String>,
    /// What its nodes did.
    pub nodes: Vec<pb::NodeRecord>,
}

/// Answer about a claim.
#[derive(Clone, Debug)]
pub struct VerifiedClaim {
    /// The proof that checks, or the stable reason and words why the claim is not so.
    pub inclusion: Result<BlobProof, (String, String)>,
    /// The header of the block.
    pub header: SignedHeader,
    /// The judgement of the block.
    pub judgement: Judgement,
}

/// A blob and how it was brought back.
#[derive(Clone, Debug)]
pub struct RestoredBlob {
    /// Its bytes, checked against its hash.
    pub bytes: Bytes,
    /// How it was brought back.
    pub how: pb::RestoredBlob,
}

/// Calls one light client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LightClient {
    inner: Inner<Channel>,
}

impl LightClient {
    /// For a URL like `http://127.0.0.1:9400`. Connects on first use.
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        Ok(Self { inner: Inner::new(channel(url)?).max_decoding_message_size(MAX_MESSAGE_BYTES) })
    }

    /// How it stands.
    pub async fn status(&self) -> Result<LightStatus, RemoteError> {
        let request = timed(pb::GetStatusRequest {}, CALL_TIMEOUT);
        let status = within(CALL_TIMEOUT, self.inner.clone().get_status(request)).await?;
        let trusted = status.trusted_address.map(|bytes| address("trusted_address", &bytes)).transpose()?;
        Ok(LightStatus {
            trusted: trusted.zip(status.network_id),
            header_height: status.header_height,
            judged_height: status.judged_height,
            target_confidence: status.target_confidence,
            chain: status.chain.map(TryInto::try_into).transpose()?,
            chain_fault: status.chain_fault,
            nodes: status.nodes,
        })
    }

    /// How sure it is of all judged heights of a range together.
    pub async fn confidence(&self, from_height: u64, to_height: u64) -> Result<ChainConfidence, RemoteError> {
        let request = timed(pb::GetConfidenceRequest { from_height, to_height }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().get_confidence(request)).await?;
        Ok(required("confidence", answer.confidence)?.try_into()?)
    }

    /// The judgement of one height.
    pub async fn judgement(&self, height: u64) -> Result<Judgement, RemoteError> {
        let request = timed(pb::GetJudgementRequest { height }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().get_judgement(request)).await?;
        let judgement: Judgement = required("judgement", answer.judgement)?.try_into()?;
        same("the judgement of DA block", height, judgement.height)?;
        Ok(judgement)
    }

    /// Up to `limit` judgements from a height on.
    pub async fn judgements(&self, from_height: u64, limit: u32) -> Result<Vec<Judgement>, RemoteError> {
        let request = timed(pb::ListJudgementsRequest { from_height, limit }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().list_judgements(request)).await?;
        page(limit, answer.judgements)?.into_iter().map(|one| Ok(one.try_into()?)).collect()
    }

    /// The judgement of every height from one on, each once, then of each new one; of new ones alone for `None`.
    pub async fn subscribe_judgements(
        &self,
        from_height: Option<u64>,
    ) -> Result<impl Stream<Item = Result<Judgement, RemoteError>> + Send + Unpin + use<>, RemoteError> {
        let request = pb::SubscribeJudgementsRequest { from_height };
        let stream = within(CALL_TIMEOUT, self.inner.clone().subscribe_judgements(request)).await?;
        Ok(stream.map(|message| Ok(required("judgement", message?.judgement)?.try_into()?)))
    }

    /// Whether a blob is where it is said to be, and what the light client holds of its block.
    pub async fn verify_blob(
        &self,
        claim: &BlobClaim,
        proof: Option<&BlobProof>,
    ) -> Result<VerifiedClaim, RemoteError> {
        let request = pb::VerifyBlobRequest { claim: Some(claim.into()), proof: proof.map(Into::into) };
        let answer = within(RESTORE_TIMEOUT, self.inner.clone().verify_blob(timed(request, RESTORE_TIMEOUT))).await?;
        let inclusion = if answer.included {
            let proof = blob_proof(&required("blob", answer.blob)?, &required("proof", answer.proof)?)?;
            same("a blob in namespace", claim.namespace, proof.entry.namespace)?;
            same("blob", claim.hash, proof.entry.hash)?;
            Ok(proof)
        } else {
            Err((answer.reason, answer.reason_text))
        };
        let header: SignedHeader = required("header", answer.header)?.try_into()?;
        let judgement: Judgement = required("judgement", answer.judgement)?.try_into()?;
        same("the judgement of the header", header.header.hash(), judgement.header_hash)?;
        Ok(VerifiedClaim { inclusion, header, judgement })
    }

    /// A blob's bytes, checked against its hash.
    pub async fn get_blob(&self, claim: &BlobClaim) -> Result<RestoredBlob, RemoteError> {
        let request = timed(pb::GetBlobRequest { claim: Some(claim.into()) }, RESTORE_TIMEOUT);
        let restored = all_within(RESTORE_TIMEOUT, async {
            let parts = within(RESTORE_TIMEOUT, self.inner.clone().get_blob(request)).await?;
            collect(parts).await
        })
        .await?;
        if blob_hash(&restored.bytes) != claim.hash {
            return Err(RemoteError::protocol("the bytes are not the blob that was asked for"));
        }
        Ok(restored)
    }
}

/// A blob from its parts; nothing beyond the announced length is kept, nor beyond what any block can hold.
async fn collect(mut parts: Streaming<pb::GetBlobResponse>) -> Result<RestoredBlob, RemoteError> {
    let mut how: Option<pb::RestoredBlob> = None;
    let mut data = BytesMut::new();
    while let Some(message) = parts.next().await {
        match (message?.part, &how) {
            (Some(pb::get_blob_response::Part::Blob(blob)), None) => how = Some(blob),
            (Some(pb::get_blob_response::Part::Chunk(chunk)), Some(how)) => {
                let limit = how.blob.as_ref().map_or(0, |blob| blob.length).min(MAX_PAYLOAD_BYTES);
                if (data.len() + chunk.len()) as u64 > limit {
                    return Err(RemoteError::protocol("the blob is longer than announced"));
                }
                data.extend_from_slice(&chunk);
            }
            _ => return Err(RemoteError::protocol("the blob's parts are out of order")),
        }
    }
    Ok(RestoredBlob { bytes: data.freeze(), how: required("blob", how)? })
}
