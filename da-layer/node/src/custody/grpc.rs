//! `weft.da.v1.Custody` over gRPC.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::sync::Semaphore;
use tonic::{Code, Request, Response, Status, Streaming};
use weft_da::custody::MAX_MEMBERS;
use weft_da::header::FIRST_HEIGHT;
use weft_wire::convert::{members, required};
use weft_wire::pb::da::v1 as pb;
use weft_wire::status::{Plain, Reason, status};

use super::Custody;
use super::certificates::served;
use super::headers::HeaderRefused;
use super::receive::{Frame, Receiving, ShareRefused};
use crate::reader::ReadError;
use crate::store::StoreError;

/// Full name of the service.
pub const SERVICE: &str = "weft.da.v1.Custody";

/// Shares taken at a time.
const MAX_SHARES: usize = 4;

/// Who follows the certificates at a time: all members, and as many others.
const MAX_SUBSCRIBERS: usize = 2 * MAX_MEMBERS;

impl Reason for ShareRefused {
    fn code(&self) -> Code {
        match self {
            Self::Header(HeaderRefused::Behind { .. } | HeaderRefused::Equivocation { .. }) | Self::NotAMember(_) => {
                Code::FailedPrecondition
            }
            Self::Header(HeaderRefused::Store(_)) | Self::Store(_) => Code::Internal,
            Self::Header(HeaderRefused::Fault(_))
            | Self::Digests(_)
            | Self::Index(_)
            | Self::Row { .. }
            | Self::OtherRow { .. } => Code::InvalidArgument,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Header(HeaderRefused::Fault(_)) => "WRONG_HEADER",
            Self::Header(HeaderRefused::Behind { .. }) => "BEHIND",
            Self::Header(HeaderRefused::Equivocation { .. }) => "EQUIVOCATION",
            Self::Header(HeaderRefused::Store(_)) | Self::Store(_) => "INTERNAL",
            Self::Digests(_) => "WRONG_DIGESTS",
            Self::Index(_) => "WRONG_INDEX",
            Self::Row { fault, .. } if fault.is_wrong_encoding() => "WRONG_ENCODING",
            Self::Row { .. } => "WRONG_ROW",
            Self::NotAMember(_) => "NOT_A_MEMBER",
            Self::OtherRow { .. } => "OTHER_ROW",
        }
    }
}

/// The service of one member.
pub struct CustodyService {
    custody: Arc<Custody>,
    shares: Semaphore,
    subscribers: Arc<Semaphore>,
    /// Where the data is, and bytes that must stay free there.
    disk: (std::path::PathBuf, u64),
}

impl CustodyService {
    /// Serves this member.
    pub fn new(custody: Arc<Custody>, disk: (std::path::PathBuf, u64)) -> Self {
        let subscribers = Arc::new(Semaphore::new(MAX_SUBSCRIBERS));
        Self { custody, shares: Semaphore::new(MAX_SHARES), subscribers, disk }
    }

    async fn blocking<T: Send + 'static, E: Refusal + Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, Status> {
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result.map_err(Refusal::status),
            Err(error) => Err(Plain::internal(error).into()),
        }
    }

    fn has_room(&self) -> Result<(), Status> {
        let (folder, least) = &self.disk;
        match weft_service::disk::free_bytes(folder) {
            Some(free) if free < *least => {
                let message = format!("the disk has {free} bytes free, below store.min_free_bytes = {least}");
                Err(Plain::exhausted("STORE_FULL", message).into())
            }
            _ => Ok(()),
        }
    }
}

/// What becomes an answer; logged or counted here, once.
trait Refusal {
    fn status(self) -> Status;
}

impl Refusal for StoreError {
    fn status(self) -> Status {
        tracing::error!(error = %self, "store");
        Plain::internal(self).into()
    }
}

impl Refusal for ReadError {
    fn status(self) -> Status {
        crate::grpc::unreadable(self)
    }
}

impl Refusal for ShareRefused {
    fn status(self) -> Status {
        metrics::counter!("weft_da_custody_shares_refused_total", "reason" => self.reason()).increment(1);
        status(&self)
    }
}

#[tonic::async_trait]
impl pb::custody_server::Custody for CustodyService {
    async fn get_custody(&self, _: Request<pb::GetCustodyRequest>) -> Result<Response<pb::GetCustodyResponse>, Status> {
        let custody = self.custody.clone();
        let complete = self.blocking(move || custody.store.complete()).await?;
        let Custody { signer, members, certified, .. } = &*self.custody;
        let bytes = |address: &weft_primitives::Address| Bytes::copy_from_slice(address.as_slice());
        Ok(Response::new(pb::GetCustodyResponse {
            node_address: bytes(&signer.address()),
            members: members.addresses().iter().map(bytes).collect(),
            copies: members.copies().into(),
            certified_height: Some(certified.height()).filter(|height| *height > 0),
            complete_height: complete.filter(|noted| noted.members == members.hash()).map(|noted| noted.height),
        }))
    }

    async fn get_certificate(
        &self,
        request: Request<pb::GetCertificateRequest>,
    ) -> Result<Response<pb::GetCertificateResponse>, Status> {
        let (custody, height) = (self.custody.clone(), request.into_inner().height);
        let read = move || Ok::<_, StoreError>((custody.store.header(height)?, custody.store.certificate(height)?));
        let (Some(header), Some(certificate)) = self.blocking(read).await? else {
            return Err(Plain::not_found(format_args!("a certificate of DA block {height}")).into());
        };
        let (header, certificate) = (Some((&header).into()), Some((&certificate).into()));
        Ok(Response::new(pb::GetCertificateResponse { header, certificate }))
    }

    type SubscribeCertificatesStream =
        Pin<Box<dyn Stream<Item = Result<pb::SubscribeCertificatesResponse, Status>> + Send>>;

    async fn subscribe_certificates(
        &self,
        request: Request<pb::SubscribeCertificatesRequest>,
    ) -> Result<Response<Self::SubscribeCertificatesStream>, Status> {
        let permit = self.subscribers.clone().try_acquire_owned().map_err(|_| {
            Plain::exhausted("MAX_SUBSCRIBERS", format!("{MAX_SUBSCRIBERS} subscribers to certificates are there"))
        })?;
        let from = request.into_inner().from_height.max(FIRST_HEIGHT);
        Ok(Response::new(Box::pin(served(self.custody.clone(), from, permit))))
    }

    async fn get_blob_index(
        &self,
        request: Request<pb::GetBlobIndexRequest>,
    ) -> Result<Response<pb::GetBlobIndexResponse>, Status> {
        let (custody, height) = (self.custody.clone(), request.into_inner().height);
        let index = self.blocking(move || custody.reader.index(height)).await?;
        let index = index.ok_or_else(|| Plain::not_found(format_args!("DA block {height}")))?;
        Ok(Response::new(pb::GetBlobIndexResponse { index: index.encode().into() }))
    }

    async fn store_rows(
        &self,
        request: Request<Streaming<pb::StoreRowsRequest>>,
    ) -> Result<Response<pb::StoreRowsResponse>, Status> {
        let Ok(_one) = self.shares.try_acquire() else {
            return Err(Plain::exhausted("CUSTODY_BUSY", format!("{MAX_SHARES} shares are being stored")).into());
        };
        self.has_room()?;
        let mut parts = request.into_inner();
        let Some(pb::store_rows_request::Part::Start(start)) = parts.next().await.transpose()?.and_then(|m| m.part)
        else {
            return Err(Plain::invalid("MALFORMED", "the first message must be the start").into());
        };
        let mut receiving = self.begin(start).await?;
        while let Some(message) = parts.next().await.transpose()? {
            let Some(pb::store_rows_request::Part::Row(row)) = message.part else {
                return Err(Plain::invalid("MALFORMED", "only rows may follow the start").into());
            };
            let proof = required("row", row.row)?.into_proof(row.index)?;
            if receiving.row(proof).map_err(Refusal::status)? {
                receiving = self.blocking(move || receiving.write().map(|()| receiving)).await?;
            }
        }
        let attestation = self.blocking(move || receiving.end()).await?;
        Ok(Response::new(pb::StoreRowsResponse { attestation: Some((&attestation).into()) }))
    }
}

impl CustodyService {
    async fn begin(&self, start: pb::StoreStart) -> Result<Receiving, Status> {
        let frame = Frame {
            header: required("header", start.header)?.try_into()?,
            digests: start.digests,
            index: start.index,
            members: members(&start.members, start.copies)?,
        };
        let begin = |frame: Frame| {
            let custody = self.custody.clone();
            self.blocking(move || match Receiving::begin(custody, frame) {
                Err(ShareRefused::Header(HeaderRefused::Behind { height, .. })) => Ok(Err(height)),
                other => other.map(Ok),
            })
        };
        if let Ok(receiving) = begin(frame.clone()).await? {
            return Ok(receiving);
        }
        // The headers before it may be on their way.
        let height = frame.header.header.height;
        if let Err(error) = self.custody.catch_up(height - 1).await {
            tracing::debug!(height, %error, "headers before a share");
        }
        begin(frame).await?.map_err(|height| {
            let latest = self.custody.chain.height();
            ShareRefused::Header(HeaderRefused::Behind { height, latest }).status()
        })
    }
}
