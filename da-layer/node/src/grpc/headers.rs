//! Headers: one, a page of them, and all that come.

use futures::{Stream, stream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tonic::{Request, Response, Status};
use weft_da::SignedHeader;
use weft_wire::pb::da::v1 as pb;
use weft_wire::status::Plain;

use super::refusals::unreadable;
use super::{Boxed, DaService};
use crate::reader::Reader;

/// Headers in one answer, and by default.
const MAX_HEADERS: u32 = 1_000;
const DEFAULT_HEADERS: u32 = 100;

/// Headers read from the store at once for a subscription.
const SUBSCRIPTION_PAGE: usize = 100;

impl DaService {
    pub(super) async fn header(
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

    pub(super) async fn headers(
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

    pub(super) async fn subscription_to_headers(
        &self,
        request: Request<pb::SubscribeHeadersRequest>,
    ) -> Result<Response<Boxed<pb::SubscribeHeadersResponse>>, Status> {
        let permit = self.subscribers.clone().try_acquire_owned().map_err(|_| {
            let limit = self.config.limits.max_subscribers;
            Plain::exhausted("MAX_SUBSCRIBERS", format!("{limit} header subscriptions (max_subscribers) are open"))
        })?;
        let newest = self.latest.borrow().as_ref().map_or(0, |signed| signed.header.height);
        let from = request.into_inner().from_height.unwrap_or(newest + 1).max(weft_da::header::FIRST_HEIGHT);
        let headers = subscription(self.reader.clone(), self.latest.clone(), from, permit);
        Ok(Response::new(Box::pin(headers)))
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
