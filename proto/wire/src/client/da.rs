//! Client of a DA node.

use alloy_primitives::{Address, B256};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use tonic::Streaming;
use tonic::transport::Channel;
use weft_da::limits::MAX_PAYLOAD_BYTES;
use weft_da::{BlobProof, NamespaceProof, PutClaim, RowProof, SignedHeader, blob_hash};
use weft_primitives::{Namespace, Signer};

use super::call::{BLOB_TIMEOUT, CALL_TIMEOUT, EndpointError, all_within, channel, page, same, timed, within};
use crate::MAX_MESSAGE_BYTES;
use crate::convert::{address, blob_proof, namespace_proof, required};
use crate::pb::da::v1 as pb;
use crate::status::RemoteError;
use pb::data_availability_client::DataAvailabilityClient;

/// Bytes of a blob in one message of a put: while one is written, another is on its way and a third is being hashed.
const PUT_CHUNK_BYTES: usize = 128 << 10;

/// What a DA node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaInfo {
    /// The network.
    pub network_id: u64,
    /// Who signs its headers.
    pub signer: Address,
    /// Newest height; `None` while there is none.
    pub latest_height: Option<u64>,
    /// Largest blob it takes.
    pub max_blob_bytes: u64,
    /// First height whose rows it keeps itself.
    pub oldest_sampled_height: u64,
    /// Version of its software; for people.
    pub version: String,
}

/// A blob's place and proof; the proof is not verified yet.
#[derive(Clone, Debug)]
pub struct StoredBlob {
    /// Height of its DA block.
    pub height: u64,
    /// The header of that block.
    pub header: SignedHeader,
    /// Its index entry and path.
    pub proof: BlobProof,
}

/// Answer to a put.
#[derive(Clone, Debug)]
pub struct PutResult {
    /// Where it is.
    pub blob: StoredBlob,
    /// Whether it had been stored before.
    pub duplicate: bool,
}

/// Calls one DA node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DaClient {
    pub(super) inner: DataAvailabilityClient<Channel>,
    signer: Option<Signer>,
}

impl DaClient {
    /// For a URL like `http://127.0.0.1:9200`. Connects on first use.
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        let inner = DataAvailabilityClient::new(channel(url)?)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        Ok(Self { inner, signer: None })
    }

    /// The same; puts are signed by `signer`, for namespaces that only certain keys may use.
    pub fn with_signer(self, signer: Signer) -> Self {
        Self { signer: Some(signer), ..self }
    }

    /// What the node runs.
    pub async fn info(&self) -> Result<DaInfo, RemoteError> {
        let info =
            within(CALL_TIMEOUT, self.inner.clone().get_info(timed(pb::GetInfoRequest {}, CALL_TIMEOUT))).await?;
        Ok(DaInfo {
            network_id: info.network_id,
            signer: address("signer_address", &info.signer_address)?,
            latest_height: info.latest_height,
            max_blob_bytes: info.max_blob_bytes,
            oldest_sampled_height: info.oldest_sampled_height,
            version: info.version,
        })
    }

    /// Stores a blob; returns once it is durable. With a signer, the network is asked for first: it is signed too.
    pub async fn put_blob(&self, namespace: Namespace, data: Bytes) -> Result<PutResult, RemoteError> {
        let (content, length) = (blob_hash(&data), data.len() as u64);
        let signature = match &self.signer {
            Some(signer) => {
                let network_id = self.info().await?.network_id;
                let signature = PutClaim { network_id, namespace, content, length }.sign(signer);
                Bytes::copy_from_slice(&signature.0)
            }
            None => Bytes::new(),
        };
        let start = pb::PutStart {
            namespace: Bytes::copy_from_slice(namespace.as_bytes()),
            length,
            content_hash: Bytes::copy_from_slice(content.as_slice()),
            signature,
        };
        let part = |part| pb::PutBlobRequest { part: Some(part) };
        let mut messages = vec![part(pb::put_blob_request::Part::Start(start))];
        messages.extend((0..data.len()).step_by(PUT_CHUNK_BYTES).map(|from| {
            let chunk = data.slice(from..data.len().min(from + PUT_CHUNK_BYTES));
            part(pb::put_blob_request::Part::Chunk(chunk))
        }));
        let request = timed(futures::stream::iter(messages), BLOB_TIMEOUT);
        let answer = within(BLOB_TIMEOUT, self.inner.clone().put_blob(request)).await?;
        let blob = stored(namespace, content, answer.blob, answer.header, answer.proof)?;
        same("a blob of length", length, blob.proof.entry.length)?;
        Ok(PutResult { blob, duplicate: answer.duplicate })
    }

    /// A blob's bytes, checked against its hash.
    pub async fn get_blob(&self, namespace: Namespace, hash: B256) -> Result<Bytes, RemoteError> {
        let request = pb::GetBlobRequest {
            namespace: Bytes::copy_from_slice(namespace.as_bytes()),
            content_hash: Bytes::copy_from_slice(hash.as_slice()),
        };
        let data = all_within(BLOB_TIMEOUT, async {
            let parts = within(CALL_TIMEOUT, self.inner.clone().get_blob(timed(request, BLOB_TIMEOUT))).await?;
            collect(parts).await
        });
        let data = data.await?;
        if blob_hash(&data) != hash {
            return Err(RemoteError::protocol("the bytes are not the blob that was asked for"));
        }
        Ok(data)
    }

    /// Where a blob is, and its proof.
    pub async fn blob_proof(&self, namespace: Namespace, hash: B256) -> Result<StoredBlob, RemoteError> {
        let request = pb::GetBlobProofRequest {
            namespace: Bytes::copy_from_slice(namespace.as_bytes()),
            content_hash: Bytes::copy_from_slice(hash.as_slice()),
        };
        let answer = within(CALL_TIMEOUT, self.inner.clone().get_blob_proof(timed(request, CALL_TIMEOUT))).await?;
        stored(namespace, hash, answer.blob, answer.header, answer.proof)
    }

    /// All entries of a namespace in a block, by proof; not verified yet.
    pub async fn list_namespace(
        &self,
        height: u64,
        namespace: Namespace,
    ) -> Result<(NamespaceProof, SignedHeader), RemoteError> {
        let request = pb::ListNamespaceRequest { height, namespace: Bytes::copy_from_slice(namespace.as_bytes()) };
        let answer = within(CALL_TIMEOUT, self.inner.clone().list_namespace(timed(request, CALL_TIMEOUT))).await?;
        let proof = namespace_proof(required("proof", answer.proof)?)?;
        let header: SignedHeader = required("header", answer.header)?.try_into()?;
        same("DA block", height, header.header.height)?;
        Ok((proof, header))
    }

    /// One header; the newest for `None`.
    pub async fn header(&self, height: Option<u64>) -> Result<SignedHeader, RemoteError> {
        let request = timed(pb::GetHeaderRequest { height }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().get_header(request)).await?;
        let header: SignedHeader = required("header", answer.header)?.try_into()?;
        same("DA header", height.unwrap_or(header.header.height), header.header.height)?;
        Ok(header)
    }

    /// Up to `limit` headers from a height on.
    pub async fn headers(&self, from_height: u64, limit: u32) -> Result<Vec<SignedHeader>, RemoteError> {
        let request = timed(pb::ListHeadersRequest { from_height, limit }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().list_headers(request)).await?;
        page(limit, answer.headers)?.into_iter().map(|header| Ok(header.try_into()?)).collect()
    }

    /// Every header from a height on, then each new one.
    pub async fn subscribe_headers(
        &self,
        from_height: u64,
    ) -> Result<impl Stream<Item = Result<SignedHeader, RemoteError>> + Send + Unpin + use<>, RemoteError> {
        let request = pb::SubscribeHeadersRequest { from_height: Some(from_height) };
        let stream = within(CALL_TIMEOUT, self.inner.clone().subscribe_headers(request)).await?;
        Ok(stream.map(|message| Ok(required("header", message?.header)?.try_into()?)))
    }

    /// The digests of a block; not verified yet.
    pub async fn digests(&self, height: u64) -> Result<Bytes, RemoteError> {
        let request = timed(pb::GetDigestsRequest { height }, CALL_TIMEOUT);
        Ok(within(CALL_TIMEOUT, self.inner.clone().get_digests(request)).await?.digests)
    }

    /// Rows with their paths in the order asked for, not verified yet; `None` where the node has none.
    pub async fn rows(&self, height: u64, indices: Vec<u32>) -> Result<Vec<(u32, Option<RowProof>)>, RemoteError> {
        let request = timed(pb::GetRowsRequest { height, indices: indices.clone() }, BLOB_TIMEOUT);
        all_within(BLOB_TIMEOUT, async {
            let mut answers = within(CALL_TIMEOUT, self.inner.clone().get_rows(request)).await?;
            let mut rows = Vec::with_capacity(indices.len());
            for asked in indices {
                let message = answers.next().await.transpose()?;
                let message = message.ok_or_else(|| RemoteError::protocol("fewer rows than were asked for"))?;
                same("row", asked, message.index)?;
                rows.push((asked, row(message)?));
            }
            Ok(rows)
        })
        .await
    }
}

fn row(message: pb::GetRowsResponse) -> Result<Option<RowProof>, RemoteError> {
    Ok(match required("result", message.result)? {
        pb::get_rows_response::Result::Row(row) => Some(row.into_proof(message.index)?),
        pb::get_rows_response::Result::Missing(_) => None,
    })
}

/// A blob from its parts; nothing beyond the announced length is kept, nor beyond what any block can hold.
async fn collect(mut parts: Streaming<pb::GetBlobResponse>) -> Result<Bytes, RemoteError> {
    let mut length = None;
    let mut data = BytesMut::new();
    while let Some(message) = parts.next().await {
        match (message?.part, length) {
            (Some(pb::get_blob_response::Part::Blob(blob)), None) if blob.length <= MAX_PAYLOAD_BYTES => {
                length = Some(blob.length);
            }
            (Some(pb::get_blob_response::Part::Chunk(chunk)), Some(limit)) => {
                if (data.len() + chunk.len()) as u64 > limit {
                    return Err(RemoteError::protocol("the blob is longer than announced"));
                }
                data.extend_from_slice(&chunk);
            }
            (Some(pb::get_blob_response::Part::Blob(_)), None) => {
                return Err(RemoteError::protocol("the blob is longer than any block can be"));
            }
            _ => return Err(RemoteError::protocol("the blob's parts are out of order")),
        }
    }
    Ok(data.freeze())
}

/// The place of the blob that was asked for.
fn stored(
    namespace: Namespace,
    content: B256,
    blob: Option<pb::BlobRef>,
    header: Option<pb::SignedHeader>,
    proof: Option<pb::BlobProof>,
) -> Result<StoredBlob, RemoteError> {
    let blob = required("blob", blob)?;
    let proof = blob_proof(&blob, &required("proof", proof)?)?;
    let header: SignedHeader = required("header", header)?.try_into()?;
    same("a blob in namespace", namespace, proof.entry.namespace)?;
    same("blob", content, proof.entry.hash)?;
    same("the header of DA block", blob.height, header.header.height)?;
    Ok(StoredBlob { height: blob.height, header, proof })
}
