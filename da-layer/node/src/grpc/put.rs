//! Taking blobs: announced, admitted, received, placed in a block, certified.

use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tonic::{Request, Response, Status, Streaming};
use weft_primitives::B256;
use weft_service::trace::Span;
use weft_wire::CHUNK_BYTES;
use weft_wire::convert::{blob_ref, hash, signature};
use weft_wire::pb::da::v1 as pb;
use weft_wire::status::{Plain, status};
use weft_wire::trace::TraceContext;

use super::refusals::refused;
use super::{DaService, namespace};
use crate::intake::{Intake, PutError, Ticket};
use crate::policy::Announced;
use crate::reader::ProvenBlob;

impl DaService {
    pub(super) async fn put(
        &self,
        request: Request<Streaming<pb::PutBlobRequest>>,
    ) -> Result<Response<pb::PutBlobResponse>, Status> {
        let (start_time, context) = (SystemTime::now(), TraceContext::of(request.metadata()));
        let mut parts = request.into_inner();
        let limit_ms = self.config.limits.intake_receive_timeout_ms;
        let slow = PutError::Slow { limit_ms };
        let deadline = tokio::time::Instant::now() + Duration::from_millis(limit_ms);
        let first = tokio::time::timeout_at(deadline, parts.next()).await.map_err(|_| status(&slow))?;
        let first = first.transpose()?.and_then(|message| message.part);
        let Some(pb::put_blob_request::Part::Start(start)) = first else {
            return Err(Plain::invalid("MALFORMED", "the first message must be the start").into());
        };
        let namespace = namespace(&start.namespace)?;
        let content = hash("content_hash", &start.content_hash)?;
        let signature = if start.signature.is_empty() { None } else { Some(signature("signature", &start.signature)?) };
        let intake = self.intake()?;
        let ticket = self.admit(intake, Announced { namespace, content, length: start.length, signature }).await?;
        let received = tokio::time::timeout_at(deadline, receive(parts, start.length)).await;
        let (data, found) = received.map_err(|_| refused(intake, &namespace, &slow))??;
        if found != content {
            return Err(Plain::invalid("WRONG_HASH", "the bytes do not have the announced BLAKE3 hash").into());
        }
        let placed = intake.put(ticket, data).await;
        let placed = placed.map_err(|error| refused(intake, &namespace, &error))?;
        self.certified(placed.location.height).await?;
        let place = self.read(move |reader| reader.prove_place(placed.location)).await?;
        let span = Span::since("weft-da", "da.put", start_time);
        let span = span.number("weft.da.height", placed.location.height).number("weft.da.bytes", start.length);
        span.under(&context.parents);
        Ok(Response::new(put_answer(&place, placed.duplicate)))
    }

    fn intake(&self) -> Result<&Intake, Status> {
        self.intake.as_ref().ok_or_else(|| {
            let message = format!("this node keeps rows; blobs are taken by {}", self.producer());
            Plain::precondition("NOT_PRODUCER", message).into()
        })
    }

    /// Waits until the members have a block.
    async fn certified(&self, height: u64) -> Result<(), Status> {
        let (Some(custody), Some(config)) = (&self.custody, &self.config.custody) else { return Ok(()) };
        custody.certified().wait(height, config.limits.put_timeout).await.map_err(|error| status(&error))
    }

    /// Admits a put, off the async threads; a refusal is counted.
    async fn admit(&self, intake: &Intake, put: Announced) -> Result<Ticket, Status> {
        let admitting = intake.clone();
        let admitted = tokio::task::spawn_blocking(move || admitting.admit(&put)).await.map_err(Plain::internal)?;
        admitted.map_err(|error| refused(intake, &put.namespace, &error))
    }
}

pub(super) fn put_answer(place: &ProvenBlob, duplicate: bool) -> pb::PutBlobResponse {
    pb::PutBlobResponse {
        blob: Some(blob_ref(place.location.height, &place.proof)),
        header: Some((&place.header).into()),
        proof: Some((&place.proof).into()),
        duplicate,
    }
}

/// Reads a blob's chunks and hashes them as they come; nothing beyond the announced length, which was admitted, is kept.
async fn receive(mut parts: Streaming<pb::PutBlobRequest>, length: u64) -> Result<(Bytes, B256), Status> {
    let mut data = BytesMut::with_capacity(usize::try_from(length).unwrap_or_default());
    // What `blob_hash` tells of the whole.
    let mut hasher = blake3::Hasher::new();
    while let Some(message) = parts.next().await {
        let Some(pb::put_blob_request::Part::Chunk(chunk)) = message?.part else {
            return Err(Plain::invalid("MALFORMED", "only chunks may follow the start").into());
        };
        if chunk.len() > CHUNK_BYTES {
            let message = format!("chunk of {} bytes is above the limit of {CHUNK_BYTES}", chunk.len());
            return Err(Plain::invalid("CHUNK_TOO_LARGE", message).into());
        }
        if (data.len() + chunk.len()) as u64 > length {
            return Err(Plain::invalid(
                "WRONG_LENGTH",
                format!("the blob is longer than the {length} bytes announced"),
            )
            .into());
        }
        data.extend_from_slice(&chunk);
        hasher.update(&chunk);
    }
    if data.len() as u64 != length {
        let message = format!("the blob has {} bytes, {length} were announced", data.len());
        return Err(Plain::invalid("WRONG_LENGTH", message).into());
    }
    Ok((data.freeze(), B256::new(*hasher.finalize().as_bytes())))
}
