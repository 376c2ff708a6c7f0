//! `weft.da.v1` over gRPC: check the request, ask the node, translate the answer.

mod listing;

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tonic::{Code, Request, Response, Status, Streaming};
use weft_da::{SignedHeader, blob_hash};
use weft_primitives::{Address, Namespace};
use weft_service::trace::Span;
use weft_wire::CHUNK_BYTES;
use weft_wire::convert::{blob_ref, hash, signature};
use weft_wire::pb::da::v1 as pb;
use weft_wire::status::{Plain, Reason, status};
use weft_wire::trace::TraceContext;

use crate::archive::ArchiveError;
use crate::config::Config;
use crate::custody::{Custody, GatherError, NotCertified};
use crate::intake::{Intake, PutError, Ticket};
use crate::policy::Announced;
use crate::reader::{ProvenBlob, ReadError, Reader};
use crate::store::StoreError;

/// Rows in one request.
const MAX_ROWS: usize = 4_096;

/// Headers in one answer, and by default.
const MAX_HEADERS: u32 = 1_000;
const DEFAULT_HEADERS: u32 = 100;

/// Headers read from the store at once for a subscription.
const SUBSCRIPTION_PAGE: usize = 100;

/// Full name of the service.
pub const SERVICE: &str = "weft.da.v1.DataAvailability";

impl Reason for PutError {
    fn code(&self) -> Code {
        match self {
            Self::Empty => Code::InvalidArgument,
            Self::Closed | Self::Key { .. } => Code::PermissionDenied,
            // Waiting alone does not help.
            Self::Quota { .. } => Code::FailedPrecondition,
            Self::TooLarge { .. }
            | Self::Rate { .. }
            | Self::NamespaceFull { .. }
            | Self::Full { .. }
            | Self::DiskFull { .. }
            | Self::Uncertified { .. } => Code::ResourceExhausted,
            Self::Slow { .. } => Code::DeadlineExceeded,
            Self::Stopped => Code::Unavailable,
            Self::Store(_) => Code::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "EMPTY_BLOB",
            Self::TooLarge { .. } => "BLOB_TOO_LARGE",
            Self::Closed => "NAMESPACE_CLOSED",
            Self::Key { .. } => "NAMESPACE_KEY",
            Self::Quota { .. } => "NAMESPACE_QUOTA",
            Self::Rate { .. } => "NAMESPACE_RATE",
            Self::NamespaceFull { .. } => "NAMESPACE_FULL",
            Self::Slow { .. } => "RECEIVE_TIMEOUT",
            Self::Full { .. } => "INTAKE_FULL",
            Self::DiskFull { .. } => "STORE_FULL",
            Self::Uncertified { .. } => "UNCERTIFIED",
            Self::Stopped => "UNAVAILABLE",
            Self::Store(_) => "INTERNAL",
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rate { wait } => Some(*wait),
            _ => None,
        }
    }
}

impl Reason for NotCertified {
    fn code(&self) -> Code {
        Code::Unavailable
    }

    fn reason(&self) -> &'static str {
        "NOT_CERTIFIED"
    }
}

impl Reason for GatherError {
    fn code(&self) -> Code {
        match self {
            Self::TooFew { .. } | Self::NoFrame(_) => Code::Unavailable,
            Self::Rebuild { .. } | Self::Blob(_) => Code::DataLoss,
            Self::Store(_) | Self::Panicked => Code::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TooFew { .. } | Self::NoFrame(_) => "ROWS_UNAVAILABLE",
            Self::Rebuild { .. } => "WRONG_ENCODING",
            Self::Blob(_) => "WRONG_BLOB",
            Self::Store(_) | Self::Panicked => "INTERNAL",
        }
    }
}

fn refused(intake: &Intake, namespace: &Namespace, error: &PutError) -> Status {
    let label = intake.label(namespace);
    metrics::counter!("weft_da_puts_refused_total", "reason" => error.reason(), "namespace" => label).increment(1);
    status(error)
}

impl Reason for ReadError {
    fn code(&self) -> Code {
        match self {
            Self::Store(_) => Code::Internal,
            Self::Archive(ArchiveError::Busy { .. }) => Code::ResourceExhausted,
            Self::Archive(_) => Code::Unavailable,
            Self::RowsPruned { .. } | Self::BlobPruned { .. } => Code::NotFound,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Store(_) => "INTERNAL",
            Self::Archive(ArchiveError::Busy { .. }) => "ARCHIVE_BUSY",
            Self::Archive(_) => "ARCHIVE_UNAVAILABLE",
            Self::RowsPruned { .. } | Self::BlobPruned { .. } => "PRUNED",
        }
    }
}

pub(crate) fn unreadable(error: ReadError) -> Status {
    match &error {
        ReadError::Store(error) => tracing::error!(%error, "store"),
        ReadError::Archive(error) => tracing::warn!(%error, "a read from the archive failed"),
        ReadError::RowsPruned { .. } | ReadError::BlobPruned { .. } => {
            metrics::counter!("weft_da_pruned_reads_total").increment(1);
        }
    }
    status(&error)
}

/// The service of one node.
pub struct DaService {
    config: Config,
    /// `None`: another node makes the blocks.
    intake: Option<Intake>,
    reader: Reader,
    custody: Option<Arc<Custody>>,
    latest: watch::Receiver<Option<SignedHeader>>,
    subscribers: Arc<Semaphore>,
    listings: Arc<Semaphore>,
}

impl DaService {
    /// Serves what `reader` reads, puts through `intake`, and asks `custody` for what is not here.
    pub fn new(
        config: Config,
        intake: Option<Intake>,
        reader: Reader,
        custody: Option<Arc<Custody>>,
        latest: watch::Receiver<Option<SignedHeader>>,
    ) -> Self {
        let subscribers = Arc::new(Semaphore::new(config.limits.max_subscribers));
        let listings = Arc::new(Semaphore::new(config.limits.max_listings));
        Self { config, intake, reader, custody, latest, subscribers, listings }
    }

    /// Who signs the headers.
    fn producer(&self) -> Address {
        self.custody.as_ref().map_or_else(|| self.config.signer.address(), |custody| custody.producer())
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

    /// Runs a blocking read off the async threads.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Status> {
        let reader = self.reader.clone();
        match tokio::task::spawn_blocking(move || work(reader)).await {
            Ok(result) => result.map_err(unreadable),
            Err(error) => Err(Plain::internal(error).into()),
        }
    }

    /// Admits a put, off the async threads; a refusal is counted.
    async fn admit(&self, intake: &Intake, put: Announced) -> Result<Ticket, Status> {
        let admitting = intake.clone();
        let admitted = tokio::task::spawn_blocking(move || admitting.admit(&put)).await.map_err(Plain::internal)?;
        admitted.map_err(|error| refused(intake, &put.namespace, &error))
    }

    async fn proven(&self, namespace: Namespace, content: weft_primitives::B256) -> Result<ProvenBlob, Status> {
        self.read(move |reader| reader.prove_blob(&namespace, &content))
            .await?
            .ok_or_else(|| Plain::not_found(format_args!("blob {content} in namespace {namespace}")).into())
    }
}

fn namespace(bytes: &[u8]) -> Result<Namespace, Status> {
    Ok(Namespace(hash("namespace", bytes)?.0))
}

fn put_answer(place: &ProvenBlob, duplicate: bool) -> pb::PutBlobResponse {
    pb::PutBlobResponse {
        blob: Some(blob_ref(place.location.height, &place.proof)),
        header: Some((&place.header).into()),
        proof: Some((&place.proof).into()),
        duplicate,
    }
}

/// Reads a blob's chunks; nothing beyond the announced length is kept.
async fn receive(mut parts: Streaming<pb::PutBlobRequest>, length: u64) -> Result<Bytes, Status> {
    let mut data = BytesMut::new();
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
    }
    if data.len() as u64 != length {
        let message = format!("the blob has {} bytes, {length} were announced", data.len());
        return Err(Plain::invalid("WRONG_LENGTH", message).into());
    }
    Ok(data.freeze())
}

type Boxed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl pb::data_availability_server::DataAvailability for DaService {
    async fn get_info(&self, _: Request<pb::GetInfoRequest>) -> Result<Response<pb::GetInfoResponse>, Status> {
        let oldest_sampled_height = self.read(|reader| reader.first_whole()).await?;
        Ok(Response::new(pb::GetInfoResponse {
            oldest_sampled_height,
            network_id: self.config.network_id,
            signer_address: Bytes::copy_from_slice(self.producer().as_slice()),
            latest_height: self.latest.borrow().as_ref().map(|signed| signed.header.height),
            max_blob_bytes: self.config.limits.max_blob_bytes,
            max_block_bytes: self.config.limits.max_block_bytes,
            version: weft_service::VERSION.to_owned(),
        }))
    }

    async fn put_blob(
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
        let data = received.map_err(|_| refused(intake, &namespace, &slow))??;
        if blob_hash(&data) != content {
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

    type GetBlobStream = Boxed<pb::GetBlobResponse>;

    async fn get_blob(&self, request: Request<pb::GetBlobRequest>) -> Result<Response<Self::GetBlobStream>, Status> {
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

    async fn get_blob_proof(
        &self,
        request: Request<pb::GetBlobProofRequest>,
    ) -> Result<Response<pb::GetBlobProofResponse>, Status> {
        let request = request.into_inner();
        let content = hash("content_hash", &request.content_hash)?;
        let place = self.proven(namespace(&request.namespace)?, content).await?;
        let pb::PutBlobResponse { blob, header, proof, .. } = put_answer(&place, true);
        Ok(Response::new(pb::GetBlobProofResponse { blob, header, proof }))
    }

    async fn list_namespace(
        &self,
        request: Request<pb::ListNamespaceRequest>,
    ) -> Result<Response<pb::ListNamespaceResponse>, Status> {
        let pb::ListNamespaceRequest { height, namespace: name } = request.into_inner();
        let name = namespace(&name)?;
        let (entries, proof, header) = self
            .read(move |reader| reader.namespace(height, &name))
            .await?
            .ok_or_else(|| Plain::not_found(format_args!("DA block {height}")))?;
        Ok(Response::new(pb::ListNamespaceResponse {
            entries: entries.iter().map(Into::into).collect(),
            proof: Some((&proof).into()),
            header: Some((&header).into()),
        }))
    }

    type ListBlobsStream = Boxed<pb::ListBlobsResponse>;

    async fn list_blobs(
        &self,
        request: Request<pb::ListBlobsRequest>,
    ) -> Result<Response<Self::ListBlobsStream>, Status> {
        let request = request.into_inner();
        let namespace = namespace(&request.namespace)?;
        let newest = self.latest.borrow().as_ref().map_or(0, |signed| signed.header.height);
        let heights = listing::range(&request, newest)?;
        let permit = self.listings.clone().try_acquire_owned().map_err(|_| {
            let limit = self.config.limits.max_listings;
            Plain::exhausted("MAX_LISTINGS", format!("{limit} listings (max_listings) are open"))
        })?;
        Ok(Response::new(Box::pin(listing::pages(self.reader.clone(), namespace, heights, permit))))
    }

    async fn get_header(
        &self,
        request: Request<pb::GetHeaderRequest>,
    ) -> Result<Response<pb::GetHeaderResponse>, Status> {
        let header = match request.into_inner().height {
            Some(height) => self.read(move |reader| reader.header(height)).await?,
            None => *self.latest.borrow(),
        };
        let header = header.ok_or_else(|| Plain::not_found("such a DA block"))?;
        Ok(Response::new(pb::GetHeaderResponse { header: Some((&header).into()) }))
    }

    async fn list_headers(
        &self,
        request: Request<pb::ListHeadersRequest>,
    ) -> Result<Response<pb::ListHeadersResponse>, Status> {
        let pb::ListHeadersRequest { from_height, limit } = request.into_inner();
        if limit > MAX_HEADERS {
            return Err(Plain::invalid("LIMIT", format!("limit {limit} is above {MAX_HEADERS}")).into());
        }
        let limit = if limit == 0 { DEFAULT_HEADERS } else { limit } as usize;
        let from = from_height.max(weft_da::header::FIRST_HEIGHT);
        let headers = self.read(move |reader| reader.headers(from, limit)).await?;
        Ok(Response::new(pb::ListHeadersResponse { headers: headers.iter().map(Into::into).collect() }))
    }

    type SubscribeHeadersStream = Boxed<pb::SubscribeHeadersResponse>;

    async fn subscribe_headers(
        &self,
        request: Request<pb::SubscribeHeadersRequest>,
    ) -> Result<Response<Self::SubscribeHeadersStream>, Status> {
        let permit = self.subscribers.clone().try_acquire_owned().map_err(|_| {
            let limit = self.config.limits.max_subscribers;
            Plain::exhausted("MAX_SUBSCRIBERS", format!("{limit} header subscriptions (max_subscribers) are open"))
        })?;
        let newest = self.latest.borrow().as_ref().map_or(0, |signed| signed.header.height);
        let from = request.into_inner().from_height.unwrap_or(newest + 1).max(weft_da::header::FIRST_HEIGHT);
        let headers = subscription(self.reader.clone(), self.latest.clone(), from, permit);
        Ok(Response::new(Box::pin(headers)))
    }

    async fn get_digests(
        &self,
        request: Request<pb::GetDigestsRequest>,
    ) -> Result<Response<pb::GetDigestsResponse>, Status> {
        let height = request.into_inner().height;
        let digests = self.read(move |reader| reader.digests(height)).await?;
        let digests = digests.ok_or_else(|| Plain::not_found(format_args!("DA block {height}")))?;
        Ok(Response::new(pb::GetDigestsResponse { digests: digests.into() }))
    }

    type GetRowsStream = Boxed<pb::GetRowsResponse>;

    async fn get_rows(&self, request: Request<pb::GetRowsRequest>) -> Result<Response<Self::GetRowsStream>, Status> {
        let pb::GetRowsRequest { height, indices } = request.into_inner();
        if indices.len() > MAX_ROWS {
            return Err(Plain::invalid("LIMIT", format!("{} rows are above {MAX_ROWS}", indices.len())).into());
        }
        let asked = indices.clone();
        let read = move |reader: Reader| {
            let header = reader.header(height)?.map(|signed| signed.header);
            let beyond = |index: &&u32| header.is_some_and(|header| **index as usize >= header.shape.rows());
            if let Some(index) = asked.iter().find(beyond) {
                return Ok(Err(*index));
            }
            reader.rows(height, &asked).map(Ok)
        };
        let rows = self
            .read(read)
            .await?
            .map_err(|index| Plain::invalid("ROW_INDEX", format!("row {index} is beyond the block's last")))?
            .ok_or_else(|| Plain::not_found(format_args!("DA block {height}")))?;
        metrics::counter!("weft_da_rows_served_total").increment(rows.iter().flatten().count() as u64);
        let answers = indices.into_iter().zip(rows).map(|(index, row)| {
            let result = match row {
                Some(row) => pb::get_rows_response::Result::Row(row.into()),
                None => pb::get_rows_response::Result::Missing(true),
            };
            Ok(pb::GetRowsResponse { index, result: Some(result) })
        });
        Ok(Response::new(Box::pin(stream::iter(answers))))
    }
}

struct Subscription {
    reader: Reader,
    latest: watch::Receiver<Option<SignedHeader>>,
    next: u64,
    page: std::vec::IntoIter<SignedHeader>,
    _permit: OwnedSemaphorePermit,
}

/// Headers from the store until it is exhausted, then whenever there is a new one: a slow reader misses nothing.
fn subscription(
    reader: Reader,
    latest: watch::Receiver<Option<SignedHeader>>,
    from: u64,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<pb::SubscribeHeadersResponse, Status>> + Send {
    let state = Subscription { reader, latest, next: from, page: Vec::new().into_iter(), _permit: permit };
    stream::try_unfold(state, |mut state| async move {
        loop {
            if let Some(header) = state.page.next() {
                state.next = header.header.height + 1;
                return Ok(Some((pb::SubscribeHeadersResponse { header: Some((&header).into()) }, state)));
            }
            let newest = state.latest.borrow_and_update().as_ref().map_or(0, |signed| signed.header.height);
            if newest < state.next {
                // The engine has ended: so does the stream.
                if state.latest.changed().await.is_err() {
                    return Ok(None);
                }
                continue;
            }
            let (reader, next) = (state.reader.clone(), state.next);
            let page = tokio::task::spawn_blocking(move || reader.headers(next, SUBSCRIPTION_PAGE)).await;
            state.page = page.map_err(Plain::internal)?.map_err(unreadable)?.into_iter();
        }
    })
}
