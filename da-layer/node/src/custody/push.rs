//! The producer hands each member its share of every block.
//!
//! One block after the other, the same one again until it is attested. A member
//! that was away for long is not led through all of it: it fetches by itself
//! what it has missed.

use std::sync::Arc;
use std::time::Duration;

use weft_da::custody::Attestation;
use weft_da::{Header, SignedHeader};
use weft_service::backoff::Backoff;
use weft_wire::RemoteError;
use weft_wire::client::Share;

use super::Custody;
use super::certify::NoteError;
use crate::reader::ReadError;

/// Blocks that a member is led through after an outage, at most.
const BEHIND: u64 = 64;

/// Pauses after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Why a block was not handed over.
#[derive(Debug, thiserror::Error)]
enum PushError {
    #[error("{0}")]
    Remote(#[from] RemoteError),
    #[error("{0}")]
    Read(#[from] ReadError),
    #[error("{0}")]
    Attestation(#[from] NoteError),
    #[error("a part of it panicked")]
    Panicked,
    #[error("DA block {0} is not here")]
    Gone(u64),
}

/// The producer is a member too: its share is durable with the block.
pub(super) async fn attest(custody: Arc<Custody>) {
    let mut next = custody.certified.height() + 1;
    loop {
        let header = header_at(&custody, next).await;
        let attestation = Attestation::sign(&header.header, &custody.members, &custody.signer);
        if let Err(error) = note(&custody, &header, attestation).await {
            tracing::error!(%error, height = next, "own attestation");
            tokio::time::sleep(PAUSE.1).await;
            continue;
        }
        next += 1;
    }
}

/// Waits until a block is there.
async fn header_at(custody: &Custody, height: u64) -> SignedHeader {
    let mut latest = custody.chain.watch();
    loop {
        // The sender lives as long as the custody.
        let reached =
            latest.wait_for(|latest| latest.is_some_and(|latest| latest.header.height >= height)).await.is_ok();
        match reached.then(|| custody.store.header(height)) {
            Some(Ok(Some(header))) => return header,
            other => {
                tracing::error!(height, ?other, "header of a block");
                tokio::time::sleep(PAUSE.1).await;
            }
        }
    }
}

/// Hands every block to one member.
pub(super) async fn push(custody: Arc<Custody>, at: usize) {
    let mut backoff = Backoff::new(PAUSE.0, PAUSE.1);
    let mut next = custody.certified.height() + 1;
    loop {
        // Who comes later than the sampling window gets no more rows.
        next = next.max(custody.store.first_whole().unwrap_or_default());
        let header = header_at(&custody, next).await;
        match push_block(&custody, at, &header).await {
            Ok(()) => {
                backoff.reset();
                next += 1;
            }
            Err(error) => {
                metrics::counter!("weft_da_custody_push_failures_total").increment(1);
                tracing::warn!(member = %custody.peers[at].address(), height = next, %error, "a member did not take its share");
                tokio::time::sleep(backoff.delay()).await;
                next = next.max((custody.certified.height() + 1).saturating_sub(BEHIND));
            }
        }
    }
}

async fn push_block(custody: &Arc<Custody>, at: usize, header: &SignedHeader) -> Result<(), PushError> {
    let peer = &custody.peers[at];
    let place = custody.members.position(&peer.address()).unwrap_or(usize::MAX);
    let share = share(custody, header, place).await?;
    let attestation = peer.custody.store_rows(&custody.members, share).await?;
    note(custody, header, attestation).await
}

/// Off the async threads: it may write a certificate.
async fn note(custody: &Arc<Custody>, header: &SignedHeader, attestation: Attestation) -> Result<(), PushError> {
    let (custody, header) = (custody.clone(), header.header);
    let noted = tokio::task::spawn_blocking(move || custody.certified.note(&header, attestation));
    Ok(noted.await.map_err(|_| PushError::Panicked)??)
}

/// A member's share of a block.
async fn share(custody: &Arc<Custody>, header: &SignedHeader, place: usize) -> Result<Share, PushError> {
    let (custody, header) = (custody.clone(), *header);
    let made = tokio::task::spawn_blocking(move || {
        let Header { height, shape, row_root, .. } = header.header;
        let block = custody.reader.block(height)?.ok_or(PushError::Gone(height))?;
        let rows = custody.members.assign(&shape, row_root).rows_of(place);
        Ok(Share {
            header,
            digests: bytes::Bytes::copy_from_slice(block.rows().digest_bytes()),
            index: block.index().encode().into(),
            // Rows are copied as they are sent, not all at once.
            rows: Box::new(rows.into_iter().filter_map(move |row| block.row(row))),
        })
    });
    made.await.map_err(|_| PushError::Panicked)?
}
