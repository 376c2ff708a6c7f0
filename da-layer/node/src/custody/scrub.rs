//! A member sees to its share: gets what it misses, and looks at what it has.
//!
//! A block's share is whole or not, whatever the reason: the node was away, its
//! disk was lost, a row was damaged, members came or went. So there is one way
//! to make it whole, and one mark up to where that is done, which holds for one
//! set of members. Then everything is read again at a bounded pace, for ever.

use std::sync::Arc;
use std::time::{Duration, Instant};

use weft_da::{EncodedBlock, RowProof, Schedule, SignedHeader};

use super::Custody;
use super::fetch::Frame;
use super::gather::GatherError;
use crate::store::{Complete, StoreError};

/// Pause before what was not to be had is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Rows written at a time.
const ROWS_AT_ONCE: usize = 256;

/// What was found of one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Rows of the share that were missing or wrong, and are here now.
    pub(super) mended: usize,
    /// Bytes that were read.
    pub(super) bytes: usize,
}

impl Custody {
    /// Makes all shares whole, from where that was done to the newest block, for ever.
    pub(super) async fn complete(self: &Arc<Self>) {
        let members = self.members.hash();
        let noted = self.store.complete().ok().flatten().filter(|noted| noted.members == members);
        let mut next = noted.map_or(0, |noted| noted.height) + 1;
        loop {
            let mut latest = self.chain.watch();
            let reached = latest.wait_for(|latest| latest.is_some_and(|latest| latest.header.height >= next));
            // The sender lives as long as this.
            drop(reached.await);
            // The newest blocks are being handed over just now.
            if next == self.chain.height() {
                tokio::time::sleep(self.limits.grace).await;
            }
            let made = match self.mend(next, false).await {
                Ok(Found { mended, .. }) => {
                    if mended > 0 {
                        tracing::info!(height = next, rows = mended, "share of a DA block made whole");
                    }
                    self.store.set_complete(Complete { members, height: next }).map_err(GatherError::from)
                }
                Err(error) => Err(error),
            };
            match made {
                Ok(()) => {
                    metrics::gauge!("weft_da_custody_complete_height").set(next as f64);
                    next += 1;
                }
                Err(error) => {
                    tracing::warn!(height = next, %error, "share of a DA block is not whole yet");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Reads everything again and again.
    pub(super) async fn look_again(self: &Arc<Self>) {
        loop {
            tokio::time::sleep(self.limits.scrub_interval).await;
            let (start, mut mended) = (Instant::now(), 0);
            let newest = self.store.complete().ok().flatten().map_or(0, |noted| noted.height);
            let first = self.store.first_whole().unwrap_or_default();
            for height in first..=newest {
                match self.mend(height, true).await {
                    Ok(found) => {
                        mended += found.mended;
                        let pace = found.bytes as f64 / self.limits.scrub_bytes_per_second.max(1) as f64;
                        tokio::time::sleep(Duration::from_secs_f64(pace)).await;
                    }
                    Err(error) => tracing::warn!(height, %error, "scrubbing"),
                }
            }
            tracing::info!(blocks = newest, rows_mended = mended, took = ?start.elapsed(), "scrubbed");
        }
    }

    /// Makes this node's part of one block whole. `look`: by looking at what is here, not only whether it is.
    pub(super) async fn mend(self: &Arc<Self>, height: u64, look: bool) -> Result<Found, GatherError> {
        let signed = self.store.header(height)?.ok_or(StoreError::Damaged { height, what: "header is gone" })?;
        if height < self.store.first_whole()? {
            // Rows are no longer kept; all else is.
            let frame = self.frame(&signed).await?;
            if !frame.is_here {
                self.keep(height, Vec::new(), frame).await?;
            }
            return Ok(Found::default());
        }
        if self.is_producer() { self.mend_whole(&signed, look).await } else { self.mend_share(&signed, look).await }
    }

    async fn mend_share(self: &Arc<Self>, signed: &SignedHeader, look: bool) -> Result<Found, GatherError> {
        let height = signed.header.height;
        let frame = self.frame(signed).await?;
        let (custody, digests, own) = (self.clone(), frame.digests.clone(), self.own_rows(&signed.header));
        // What is here of the share.
        let looked = tokio::task::spawn_blocking(move || {
            let held = custody.store.rows_held(height)?;
            let mut bytes = 0;
            let mut missing = own;
            missing.retain(|row| {
                let is_held = held.binary_search(row).is_ok();
                if !is_held || !look {
                    return !is_held;
                }
                let Ok(Some(proof)) = custody.store.row(height, *row) else { return true };
                bytes += proof.row.len();
                digests.verify_row(&proof).is_err()
            });
            metrics::counter!("weft_da_custody_rows_checked_total").increment(held.len() as u64);
            Ok::<_, StoreError>((missing, bytes))
        });
        let (missing, bytes) = looked.await.map_err(|_| GatherError::Panicked)??;
        if missing.is_empty() && frame.is_here {
            return Ok(Found { mended: 0, bytes });
        }
        let rows = self.rows(signed, &frame.digests, &missing).await?;
        self.keep(height, rows.into_values().collect(), frame).await?;
        metrics::counter!("weft_da_custody_rows_mended_total").increment(missing.len() as u64);
        Ok(Found { mended: missing.len(), bytes })
    }

    async fn keep(self: &Arc<Self>, height: u64, rows: Vec<RowProof>, frame: Frame) -> Result<(), GatherError> {
        let custody = self.clone();
        let kept = tokio::task::spawn_blocking(move || {
            rows.chunks(ROWS_AT_ONCE).try_for_each(|rows| custody.store.put_rows(height, rows))?;
            custody.store.put_frame(height, &frame.digest_bytes, &frame.index)
        });
        Ok(kept.await.map_err(|_| GatherError::Panicked)??)
    }

    /// The producer has all original rows.
    async fn mend_whole(self: &Arc<Self>, signed: &SignedHeader, look: bool) -> Result<Found, GatherError> {
        if !look {
            // A block is appended whole.
            return Ok(Found::default());
        }
        let (custody, header) = (self.clone(), signed.header);
        let looked = tokio::task::spawn_blocking(move || {
            let Ok(Some(originals)) = custody.store.originals(header.height) else { return None };
            let block = EncodedBlock::from_originals(header.shape, &originals, Schedule::Parallel).ok()?;
            (block.rows().row_root() == header.row_root).then_some(originals.len())
        });
        if let Some(bytes) = looked.await.map_err(|_| GatherError::Panicked)? {
            return Ok(Found { mended: 0, bytes });
        }
        let frame = self.frame(signed).await?;
        let encoded = self.rebuild_rows(&header, &frame.digests, Vec::new()).await?;
        self.store.put_originals(header.height, encoded.originals())?;
        tracing::warn!(height = header.height, "a damaged DA block was rebuilt from the members' rows");
        Ok(Found { mended: header.shape.k(), bytes: encoded.originals().len() })
    }
}
