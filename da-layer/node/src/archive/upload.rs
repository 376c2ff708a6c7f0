//! Uploads each durable block, in order, one at a time, until it is there.
//!
//! Invariant: the mark moves only over blocks that the archive has confirmed,
//! so after a crash the uploader goes on where it was, and puts at most one
//! block a second time. One at a time, because a hole could not be filled if
//! the disk were lost then.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use weft_da::SignedHeader;
use weft_service::Shutdown;
use weft_service::backoff::Backoff;

use super::{Archive, ArchiveError};
use crate::store::{Store, StoreError};

/// Pauses after failures.
const MIN_PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Uploads until shutdown, or until the engine has ended and all is there. Fails only with the store.
pub async fn run(
    store: Arc<dyn Store>,
    archive: Arc<Archive>,
    mut latest: watch::Receiver<Option<SignedHeader>>,
    stop: Shutdown,
) -> Result<(), StoreError> {
    let mut backoff = Backoff::new(MIN_PAUSE, MAX_PAUSE);
    while !stop.is_triggered() {
        let newest = latest.borrow_and_update().as_ref().map_or(0, |signed| signed.header.height);
        let through = archive.through()?;
        metrics::gauge!("weft_da_archive_height").set(through as f64);
        metrics::gauge!("weft_da_archive_lag_blocks").set(newest.saturating_sub(through) as f64);
        if through >= newest {
            let more = async {
                tokio::select! {
                    changed = latest.changed() => changed.is_ok(),
                    () = archive.rewound.notified() => true,
                }
            };
            match stop.unless(more).await {
                Some(true) => continue,
                _ => return Ok(()),
            }
        }
        let height = through + 1;
        let (header, originals) = read(store.clone(), height).await?;
        let Some(result) = stop.unless(archive.put(&header, originals)).await else { return Ok(()) };
        archive.note("put", &result);
        match result {
            Ok(()) => {
                archive.advance(height)?;
                backoff.reset();
            }
            Err(error) => {
                report(height, &error);
                stop.unless(tokio::time::sleep(backoff.delay())).await;
            }
        }
    }
    Ok(())
}

fn report(height: u64, error: &ArchiveError) {
    tracing::warn!(height, %error, "a DA block waits for the archive");
}

async fn read(store: Arc<dyn Store>, height: u64) -> Result<(SignedHeader, Vec<u8>), StoreError> {
    let work = move || {
        let gone = |what| StoreError::Damaged { height, what };
        let header = store.header(height)?.ok_or(gone("header is gone"))?;
        let originals = store.originals(height)?.ok_or(gone("its rows are gone before they were archived"))?;
        Ok((header, originals))
    };
    // Ends with a panic alone.
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
