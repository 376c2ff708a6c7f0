//! Listings of a namespace: of one block, and over a range of heights, read page by page as the client takes them.

use std::ops::RangeInclusive;

use futures::{Stream, stream};
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Request, Response, Status};
use weft_primitives::Namespace;
use weft_wire::pb::da::v1 as pb;
use weft_wire::status::Plain;

use super::refusals::unreadable;
use super::{Boxed, DaService, namespace};
use crate::reader::{ReadError, Reader};
use crate::store::StoreError;

/// Heights in one message.
const MAX_PAGE_HEIGHTS: usize = 256;

/// Index entries after which a message is full, some 100 bytes each.
const MAX_PAGE_ENTRIES: usize = 4_096;

impl DaService {
    pub(super) async fn listing(
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

    pub(super) async fn listings_of(
        &self,
        request: Request<pb::ListBlobsRequest>,
    ) -> Result<Response<Boxed<pb::ListBlobsResponse>>, Status> {
        let request = request.into_inner();
        let namespace = namespace(&request.namespace)?;
        let newest = self.latest.borrow().as_ref().map_or(0, |signed| signed.header.height);
        let heights = range(&request, newest)?;
        let permit = self.listings.clone().try_acquire_owned().map_err(|_| {
            let limit = self.config.limits.max_listings;
            Plain::exhausted("MAX_LISTINGS", format!("{limit} listings (max_listings) are open"))
        })?;
        Ok(Response::new(Box::pin(pages(self.reader.clone(), namespace, heights, permit))))
    }
}

/// The heights of a request; `newest` is 0 while there is none.
fn range(request: &pb::ListBlobsRequest, newest: u64) -> Result<RangeInclusive<u64>, Plain> {
    let from = request.from_height.max(weft_da::header::FIRST_HEIGHT);
    if let Some(to) = request.to_height {
        if to < from {
            return Err(Plain::invalid("RANGE", format!("to_height {to} is below from_height {from}")));
        }
        if to > newest {
            return Err(Plain::not_found(format_args!("DA block {to}")));
        }
    }
    let last = request.to_height.unwrap_or(newest);
    let limited = match request.limit {
        0 => last,
        limit => last.min(from.saturating_add(limit - 1)),
    };
    Ok(from..=limited)
}

struct Listing {
    reader: Reader,
    namespace: Namespace,
    heights: RangeInclusive<u64>,
    _permit: OwnedSemaphorePermit,
}

/// The listings of `heights`, all of which exist.
fn pages(
    reader: Reader,
    namespace: Namespace,
    heights: RangeInclusive<u64>,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<pb::ListBlobsResponse, Status>> + Send {
    let state = Listing { reader, namespace, heights, _permit: permit };
    stream::try_unfold(state, |mut state| async move {
        if state.heights.is_empty() {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let page = page(&state.reader, &state.namespace, &mut state.heights)?;
            Ok::<_, ReadError>((page, state))
        });
        let (heights, state) = read.await.map_err(Plain::internal)?.map_err(unreadable)?;
        Ok(Some((pb::ListBlobsResponse { heights }, state)))
    })
}

/// As many heights from the front as go into one message.
fn page(
    reader: &Reader,
    namespace: &Namespace,
    heights: &mut RangeInclusive<u64>,
) -> Result<Vec<pb::HeightListing>, ReadError> {
    let mut page = Vec::new();
    let mut entries = 0;
    while page.len() < MAX_PAGE_HEIGHTS && entries < MAX_PAGE_ENTRIES {
        let Some(height) = heights.next() else { break };
        let damaged = StoreError::Damaged { height, what: "header is gone" };
        let (_, proof, header) = reader.namespace(height, namespace)?.ok_or(damaged)?;
        entries += proof.entries.len();
        page.push(pb::HeightListing { header: Some((&header).into()), proof: Some((&proof).into()) });
    }
    Ok(page)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let range = |from_height, to_height, limit, newest| {
            let request = pb::ListBlobsRequest { from_height, to_height, limit, ..Default::default() };
            range(&request, newest).map_err(|error| weft_wire::Reason::reason(&error))
        };
        assert_eq!(range(0, None, 0, 5), Ok(1..=5));
        assert_eq!(range(2, Some(4), 0, 5), Ok(2..=4));
        assert_eq!(range(2, Some(4), 2, 5), Ok(2..=3));
        assert_eq!(range(2, None, u64::MAX, 5), Ok(2..=5));
        assert_eq!(range(4, Some(3), 0, 5), Err("RANGE"));
        assert_eq!(range(4, Some(6), 0, 5), Err("NOT_FOUND"));
        assert!(range(6, None, 0, 5).unwrap().is_empty());
        assert!(range(0, None, 0, 0).unwrap().is_empty());
    }
}
