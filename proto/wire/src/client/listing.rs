//! Listings of a namespace over many heights, page by page.

use std::pin::pin;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use tonic::Streaming;
use weft_da::{NamespaceProof, SignedHeader};
use weft_primitives::Namespace;

use super::DaClient;
use super::call::{CALL_TIMEOUT, all_within, within};
use crate::convert::{namespace_proof, required};
use crate::pb::da::v1 as pb;
use crate::status::RemoteError;

/// One height of a listing; neither header nor proof is verified yet, nor that the height is the one that comes next.
pub type ListedHeight = (SignedHeader, NamespaceProof);

impl DaClient {
    /// A namespace's listings from height `from` to height `to`, or to the newest. Hand them to
    /// [`weft_da::NamespaceScan`] to know that nothing is left out.
    pub async fn list_blobs(
        &self,
        namespace: Namespace,
        from: u64,
        to: Option<u64>,
    ) -> Result<impl Stream<Item = Result<ListedHeight, RemoteError>> + Send + use<>, RemoteError> {
        let request = pb::ListBlobsRequest {
            namespace: Bytes::copy_from_slice(namespace.as_bytes()),
            from_height: from,
            to_height: to,
            limit: 0,
        };
        let pages = within(CALL_TIMEOUT, self.inner.clone().list_blobs(request)).await?;
        let pages = stream::try_unfold(pages, |mut pages| async move {
            Ok::<_, RemoteError>(next_page(&mut pages).await?.map(|page| (page, pages)))
        });
        Ok(pages.map_ok(|page| stream::iter(page.heights).map(listed)).try_flatten())
    }
}

/// The next page, in time; a page must hold something, or there could be pages without end.
async fn next_page(pages: &mut Streaming<pb::ListBlobsResponse>) -> Result<Option<pb::ListBlobsResponse>, RemoteError> {
    let mut next = pin!(async { Ok(pages.message().await?) });
    match all_within(CALL_TIMEOUT, &mut next).await? {
        Some(page) if page.heights.is_empty() => Err(RemoteError::protocol("a page without a height")),
        page => Ok(page),
    }
}

fn listed(height: pb::HeightListing) -> Result<ListedHeight, RemoteError> {
    let header = required("header", height.header)?.try_into()?;
    Ok((header, namespace_proof(required("proof", height.proof)?)?))
}
