//! `weft.settlement.v1.LogMirror`: what was kept of the settlement log, for the service that has lost it.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Request, Response, Status};
use weft_settlement::LogEntry;
use weft_wire::pb::settlement::v1 as pb;
use weft_wire::status::Plain;

use crate::chain::Chain;
use crate::store::{SignedHead, StoreError};

/// Readers at once.
const MAX_READERS: usize = 2;

/// Entries read from the store at once.
const PAGE: usize = 256;

/// Serves the entries that a chain's store has.
pub(crate) struct MirrorService {
    chain: Arc<Chain>,
    readers: Arc<Semaphore>,
}

impl MirrorService {
    pub(crate) fn new(chain: Arc<Chain>) -> Self {
        Self { chain, readers: Arc::new(Semaphore::new(MAX_READERS)) }
    }

    async fn head(&self, chain_id: u64) -> Result<SignedHead, Status> {
        let ours = self.chain.config().chain_id();
        if chain_id != ours {
            let words = format!("this is chain {ours}, not {chain_id}");
            return Err(Plain::precondition("WRONG_CHAIN", words).into());
        }
        let chain = self.chain.clone();
        let head = stored(move || chain.store().signed_log_head()).await?;
        head.ok_or_else(|| Plain::not_found("a signed head of the settlement log").into())
    }
}

async fn stored<T: Send + 'static>(read: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, Status> {
    tokio::task::spawn_blocking(read).await.map_err(Plain::internal)?.map_err(|error| Plain::internal(error).into())
}

struct Reader {
    chain: Arc<Chain>,
    next: u64,
    last: u64,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    async fn page(&mut self) -> Result<Option<Vec<LogEntry>>, Status> {
        if self.next > self.last {
            return Ok(None);
        }
        let (chain, from) = (self.chain.clone(), self.next);
        let limit = usize::try_from(self.last - from).unwrap_or(PAGE).saturating_add(1).min(PAGE);
        let page = stored(move || chain.store().kept_log(from, limit)).await?;
        if page.is_empty() {
            return Err(Plain::not_found(format!("entry {from} of the settlement log")).into());
        }
        self.next += page.len() as u64;
        Ok(Some(page))
    }
}

#[tonic::async_trait]
impl pb::log_mirror_server::LogMirror for MirrorService {
    async fn get_signed_head(
        &self,
        request: Request<pb::GetSignedHeadRequest>,
    ) -> Result<Response<pb::GetSignedHeadResponse>, Status> {
        let head = self.head(request.into_inner().chain_id).await?;
        Ok(Response::new(pb::GetSignedHeadResponse {
            seq: head.seq,
            hash: Bytes::copy_from_slice(head.hash.as_slice()),
            signature: Bytes::copy_from_slice(&head.signature.0),
        }))
    }

    type ReadLogStream = Pin<Box<dyn Stream<Item = Result<pb::ReadLogResponse, Status>> + Send>>;

    async fn read_log(&self, request: Request<pb::ReadLogRequest>) -> Result<Response<Self::ReadLogStream>, Status> {
        let pb::ReadLogRequest { chain_id, from_seq } = request.into_inner();
        let head = self.head(chain_id).await?;
        let permit = self.readers.clone().try_acquire_owned().map_err(|_| {
            Plain::exhausted("MIRROR_BUSY", format!("{MAX_READERS} readers have the kept log; try again"))
        })?;
        let reader = Reader { chain: self.chain.clone(), next: from_seq.max(1), last: head.seq, _permit: permit };
        let pages = stream::try_unfold(reader, |mut reader| async {
            let page = reader.page().await?;
            Ok::<_, Status>(page.map(|page| (stream::iter(page.into_iter().map(Ok)), reader)))
        });
        let entries =
            pages.try_flatten().map(|entry| entry.map(|entry| pb::ReadLogResponse { entry: Some((&entry).into()) }));
        Ok(Response::new(Box::pin(entries)))
    }
}
