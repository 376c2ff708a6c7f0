//! Rows of a block from the other members: those asked for, or any quarter, from which the rest is rebuilt.
//!
//! Every row is verified before it counts, so it does not matter who sends it.
//! Bounded: one block at a time in memory, requests of [`REQUEST_BYTES`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use weft_da::blob::BlobFault;
use weft_da::rebuild::{BlobRowsFault, RebuildFault};
use weft_da::{
    EncodedRows, Header, RowProof, Schedule, SignedHeader, VerifiedDigests, VerifiedRow, blob_from_rows, rebuild,
    rows_of,
};

use super::Custody;
use super::fetch::Frame;
use super::peer::Peer;
use crate::reader::ProvenBlob;
use crate::store::StoreError;

/// Bytes of rows in one request.
const REQUEST_BYTES: usize = 8 << 20;

/// Rows in one request, as nodes allow.
const REQUEST_ROWS: usize = 4_096;

/// Why rows are not to be had.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// Not even a quarter of the rows is to be had.
    #[error("DA block {height}: {found} rows are to be had from the members, {needed} are needed")]
    TooFew {
        /// The block.
        height: u64,
        /// Rows that were had.
        found: usize,
        /// Its original rows.
        needed: usize,
    },
    /// Nobody has the digests or the blob index.
    #[error("DA block {0}: nobody has its digests and blob index")]
    NoFrame(u64),
    /// The producer encoded wrongly.
    #[error("DA block {height}: {fault}")]
    Rebuild {
        /// The block.
        height: u64,
        /// What is wrong.
        fault: RebuildFault,
    },
    /// The blob's index entry is void.
    #[error("the blob is not at its place: {0}")]
    Blob(#[from] BlobFault),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part of it panicked.
    #[error("a part of it panicked")]
    Panicked,
}

impl Custody {
    /// These rows of a block, wherever they are.
    pub(super) async fn rows(
        self: &Arc<Self>,
        signed: &SignedHeader,
        digests: &VerifiedDigests,
        wanted: &[u32],
    ) -> Result<BTreeMap<u32, RowProof>, GatherError> {
        let header = signed.header;
        let mut rows = BTreeMap::new();
        self.collect(&header, digests, wanted.iter().copied().collect(), wanted.len(), &mut rows).await;
        let missing: Vec<u32> = wanted.iter().copied().filter(|row| !rows.contains_key(row)).collect();
        if !missing.is_empty() {
            let encoded = self.rebuild_rows(&header, digests, rows.values().cloned().collect()).await?;
            rows.extend(missing.into_iter().filter_map(|row| Some((row, encoded.row(row)?))));
            metrics::counter!("weft_da_custody_blocks_rebuilt_total").increment(1);
        }
        Ok(rows)
    }

    /// All rows of a block, from any quarter of them.
    pub(super) async fn rebuild_rows(
        self: &Arc<Self>,
        header: &Header,
        digests: &VerifiedDigests,
        known: Vec<RowProof>,
    ) -> Result<EncodedRows, GatherError> {
        let (height, k) = (header.height, header.shape.k());
        let mut rows: BTreeMap<u32, RowProof> = known.into_iter().map(|proof| (proof.index, proof)).collect();
        for row in self.store.rows_held(height).unwrap_or_default() {
            if let Ok(Some(proof)) = self.store.row(height, row)
                && digests.verify_row(&proof).is_ok()
            {
                rows.insert(row, proof);
            }
        }
        let open = (0..header.shape.rows() as u32).filter(|row| !rows.contains_key(row)).collect();
        self.collect(header, digests, open, k, &mut rows).await;
        if rows.len() < k {
            return Err(GatherError::TooFew { height, found: rows.len(), needed: k });
        }
        let (header, digests) = (*header, digests.clone());
        let work = move || {
            let verified: Vec<VerifiedRow> =
                rows.values().take(k).filter_map(|proof| digests.verify_row(proof).ok()).collect();
            rebuild(&header, &verified, Schedule::Parallel)
        };
        let rebuilt = tokio::task::spawn_blocking(work).await.map_err(|_| GatherError::Panicked)?;
        rebuilt.map_err(|fault| GatherError::Rebuild { height, fault })
    }

    /// Asks for `open` rows until there are `enough`: each first of whom it was given to, then of all others.
    async fn collect(
        &self,
        header: &Header,
        digests: &VerifiedDigests,
        mut open: BTreeSet<u32>,
        enough: usize,
        rows: &mut BTreeMap<u32, RowProof>,
    ) {
        let assignment = self.members.assign(&header.shape, header.row_root);
        let most = (REQUEST_BYTES / header.shape.row_len()).clamp(1, REQUEST_ROWS);
        for rank in 0..=usize::from(self.members.copies()) {
            for peer in &self.peers {
                let place = self.members.position(&peer.address());
                // In the last round everybody is asked for everything.
                let theirs = |row: &u32| place.is_some() && assignment.holders(*row).nth(rank) == place;
                let last = rank == usize::from(self.members.copies());
                let asked: Vec<u32> = open.iter().copied().filter(|row| last || theirs(row)).collect();
                for part in asked.chunks(most) {
                    if rows.len() >= enough {
                        return;
                    }
                    let Some(had) = ask(peer, header.height, digests, part).await else { break };
                    for proof in had {
                        open.remove(&proof.index);
                        rows.insert(proof.index, proof);
                    }
                }
            }
        }
    }

    /// A blob of which not all original rows are here: from exactly the rows that hold it, or from any quarter.
    pub async fn blob(self: &Arc<Self>, place: &ProvenBlob) -> Result<Bytes, GatherError> {
        let header = &place.header;
        let Frame { digests, .. } = self.frame(header).await?;
        let entry = &place.proof.entry;
        let wanted: Vec<u32> = rows_of(&header.header.shape, entry.offset, entry.length).collect();
        let mut had: BTreeMap<u32, RowProof> = BTreeMap::new();
        for row in &wanted {
            if let Ok(Some(proof)) = self.store.row(header.header.height, *row)
                && digests.verify_row(&proof).is_ok()
            {
                had.insert(*row, proof);
            }
        }
        let missing: Vec<u32> = wanted.into_iter().filter(|row| !had.contains_key(row)).collect();
        had.extend(self.rows(header, &digests, &missing).await?);
        let verified: Vec<VerifiedRow> = had.values().filter_map(|proof| digests.verify_row(proof).ok()).collect();
        let blob = place.proof.verify(&header.header).map_err(|_| damaged(header, "the proof of a blob is wrong"))?;
        match blob_from_rows(&header.header, &blob, &verified) {
            Ok(bytes) => Ok(bytes.into()),
            Err(BlobRowsFault::Blob(fault)) => Err(fault.into()),
            Err(BlobRowsFault::MissingRow(_)) => Err(damaged(header, "a row is gone").into()),
        }
    }
}

fn damaged(header: &SignedHeader, what: &'static str) -> StoreError {
    StoreError::Damaged { height: header.header.height, what }
}

/// The rows of one answer that are right; `None` if there was none.
async fn ask(peer: &Peer, height: u64, digests: &VerifiedDigests, rows: &[u32]) -> Option<Vec<RowProof>> {
    match peer.rows.rows(height, rows.to_vec()).await {
        Ok(answer) => Some(answer.into_iter().filter_map(|(_, row)| right(peer, height, digests, row?)).collect()),
        Err(error) => {
            tracing::debug!(peer = %peer.address(), height, %error, "rows");
            None
        }
    }
}

fn right(peer: &Peer, height: u64, digests: &VerifiedDigests, proof: RowProof) -> Option<RowProof> {
    match digests.verify_row(&proof) {
        Ok(_) => Some(proof),
        Err(fault) => {
            metrics::counter!("weft_da_custody_wrong_rows_total").increment(1);
            tracing::warn!(peer = %peer.address(), height, row = proof.index, %fault, "a member sent a wrong row");
            None
        }
    }
}
