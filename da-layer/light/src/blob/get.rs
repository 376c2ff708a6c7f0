//! A blob's bytes.

use tokio::time::Instant;
use weft_verdict::BlobClaim;

use super::locate::{Located, locate};
use super::rows::Download;
use super::{BlobError, RestoredBlob};
use crate::client::Client;
use crate::progress::Progress;

pub(crate) async fn get(client: &Client, claim: BlobClaim, progress: Progress) -> Result<RestoredBlob, BlobError> {
    let started = Instant::now();
    let deadline = started + client.config.limits.wait_for_block;
    let anchor = client.settle(Some(deadline), &progress).await?;
    let Located { header, inclusion, source, download } = locate(client, &anchor, &claim, None, &progress).await?;
    let height = header.header().height;
    let not_included = |why| BlobError::NotIncluded { height, why };
    let proof = inclusion.map_err(not_included)?;
    let blob = claim.check_proof(header.header(), &proof).map_err(not_included)?;
    let mut download = match download {
        Some(download) => download,
        None => Download::start(client, header, progress).await?,
    };
    let entry = *blob.entry();
    let bytes = download.part(entry.offset, entry.length).await?;
    let (checked, bytes) =
        tokio::task::spawn_blocking(move || (blob.check(&bytes), bytes)).await.map_err(crate::LightError::from)?;
    checked.map_err(|why| BlobError::Void { height, why })?;
    let elapsed = started.elapsed();
    crate::metrics::blob_restored(entry.length, elapsed, download.rebuilt);
    Ok(RestoredBlob {
        bytes,
        namespace: entry.namespace,
        content_hash: entry.hash,
        height,
        header_hash: header.hash(),
        index: proof.position,
        offset: entry.offset,
        length: entry.length,
        proof_source: source,
        rows: weft_da::rows_of(&header.header().shape, entry.offset, entry.length).len(),
        rows_downloaded: download.rows_downloaded,
        rows_kept: download.rows_kept,
        rebuilt: download.rebuilt,
        downloaded_bytes: download.downloaded_bytes,
        elapsed_ms: (elapsed.as_secs_f64() * 1e5).round() / 1e2,
    })
}
