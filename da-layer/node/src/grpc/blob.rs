//! Giving blobs back, and proving where they are.

use bytes::Bytes;
use futures::{StreamExt, stream};
use tonic::{Request, Response, Status};
use weft_primitives::{B256, Namespace};
use weft_wire::CHUNK_BYTES;
use weft_wire::convert::{blob_ref, hash};
use weft_wire::pb::da::v1 as pb;
use weft_wire::status::{Plain, status};

use super::put::put_answer;
use super::refusals::unreadable;
use super::{Boxed, DaService, namespace};
use crate::reader::ProvenBlob;
use crate::store::StoreError;

impl DaService {
    pub(super) async fn blob(
        &self,
        request: Request<pb::GetBlobRequest>,
    ) -> Result<Response<Boxed<pb::GetBlobResponse>>, Status> {
        let request = request.into_inner();
        let content = hash("content_hash", &request.content_hash)?;
        let place = self.proven(namespace(&request.namespace)?, content).await?;
        let blob = blob_ref(place.location.height, &place.proof);
        let data = self.bytes_of(place).await?;
        let part = |part| Ok(pb::GetBlobResponse { part: Some(part) });
        let first = stream::once(async move { part(pb::get_blob_response::Part::Blob(blob)) });
        let chunks = stream::iter((0..data.len()).step_by(CHUNK_BYTES))
            .map(move |from| data.slice(from..data.len().min(from + CHUNK_BYTES)))
            .map(move |chunk| part(pb::get_blob_response::Part::Chunk(chunk)));
        Ok(Response::new(Box::pin(first.chain(chunks))))
    }

    pub(super) async fn blob_proof(
        &self,
        request: Request<pb::GetBlobProofRequest>,
    ) -> Result<Response<pb::GetBlobProofResponse>, Status> {
        let request = request.into_inner();
        let content = hash("content_hash", &request.content_hash)?;
        let place = self.proven(namespace(&request.namespace)?, content).await?;
        let pb::PutBlobResponse { blob, header, proof, .. } = put_answer(&place, true);
        Ok(Response::new(pb::GetBlobProofResponse { blob, header, proof }))
    }

    async fn proven(&self, namespace: Namespace, content: B256) -> Result<ProvenBlob, Status> {
        self.read(move |reader| reader.prove_blob(&namespace, &content))
            .await?
            .ok_or_else(|| Plain::not_found(format_args!("blob {content} in namespace {namespace}")).into())
    }

    /// A blob's bytes, from here or from the members.
    async fn bytes_of(&self, place: ProvenBlob) -> Result<Bytes, Status> {
        let here = place.clone();
        match (self.read(move |reader| reader.blob(&here)).await?, &self.custody) {
            (Some(data), _) => Ok(data),
            (None, Some(custody)) => custody.blob(&place).await.map_err(|error| status(&error)),
            (None, None) => {
                let (height, what) = (place.location.height, "original rows are gone");
                Err(unreadable(StoreError::Damaged { height, what }.into()))
            }
        }
    }
}
