//! Certificates in the hands of all: a member follows those of the producer, a producer gets back those it has lost.
//!
//! A member keeps them so that whoever asks gets them while the producer is
//! away. It takes a certificate whose attestations are right, under the members
//! that it knows or others whom these vouch for, and in order of height, so
//! that one mark says how far they are here; it serves them as it got them.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;
use weft_da::SignedHeader;
use weft_da::custody::{Certificate, CertificateFault};
use weft_service::backoff::Backoff;
use weft_wire::RemoteError;
use weft_wire::pb::da::v1 as pb;
use weft_wire::status::Plain;

use super::Custody;
use super::follow::FollowError;
use super::headers::HeaderRefused;
use super::peer::Peer;
use crate::store::StoreError;

/// Certificates that are verified and written together, and read together to be served.
const AT_ONCE: usize = 64;

/// How long one who is not the producer is listened to that brings nothing.
const SILENCE: Duration = Duration::from_secs(2);

/// Pauses after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Why certificates do not come.
#[derive(Debug, thiserror::Error)]
pub(super) enum CertificatesError {
    #[error("{0}")]
    Remote(#[from] RemoteError),
    #[error("{0}")]
    Headers(#[from] FollowError),
    #[error("{0}")]
    Header(#[from] HeaderRefused),
    #[error("DA block {height}: {fault}")]
    Fault { height: u64, fault: CertificateFault },
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("the stream of certificates ended")]
    Ended,
    #[error("a part of it panicked")]
    Panicked,
}

/// Follows for ever.
pub(super) async fn follow(custody: Arc<Custody>) {
    let all = custody.peers_producer_first();
    let mut backoff = Backoff::new(PAUSE.0, PAUSE.1);
    loop {
        let before = custody.certified.height();
        for peer in &all {
            if let Err(error) = custody.certificates_from(peer, u64::MAX).await {
                tracing::debug!(peer = %peer.address(), %error, "certificates");
            }
        }
        if custody.certified.height() > before {
            backoff.reset();
        }
        tokio::time::sleep(backoff.delay()).await;
    }
}

impl Custody {
    /// Takes what one peer has, up to `last`. The producer is listened to as long as it lasts; others may wait for
    /// certificates themselves, so only while they bring some.
    pub(super) async fn certificates_from(self: &Arc<Self>, peer: &Peer, last: u64) -> Result<(), CertificatesError> {
        let first = self.certified.height() + 1;
        let mut certificates = peer.custody.subscribe_certificates(first).await?.ready_chunks(AT_ONCE);
        while self.certified.height() < last {
            let some = if peer.address() == self.producer {
                certificates.next().await
            } else {
                let Ok(some) = tokio::time::timeout(SILENCE, certificates.next()).await else { return Ok(()) };
                some
            };
            let (mut good, mut failed) = (Vec::new(), None);
            for one in some.ok_or(CertificatesError::Ended)? {
                match one {
                    Ok(certificate) => good.push(certificate),
                    Err(error) => failed = Some(error),
                }
            }
            if let [(first, _), ..] = good[..] {
                self.take_certificates(first.header.height, good).await?;
            }
            if let Some(error) = failed {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Verifies and keeps certificates of blocks in a row, from `first` on.
    async fn take_certificates(
        self: &Arc<Self>,
        first: u64,
        certificates: Vec<(SignedHeader, Certificate)>,
    ) -> Result<(), CertificatesError> {
        if self.store.latest()?.map_or(0, |newest| newest.header.height) + 1 < first {
            self.catch_up(first - 1).await?;
        }
        let custody = self.clone();
        let kept = tokio::task::spawn_blocking(move || {
            let mut good = Vec::with_capacity(certificates.len());
            for (signed, certificate) in certificates {
                custody.chain.take(&signed)?;
                let height = signed.header.height;
                let verified = certificate.verify_by(&signed.header, &custody.members);
                verified.map_err(|fault| CertificatesError::Fault { height, fault })?;
                good.push(certificate);
            }
            Ok(custody.certified.keep(first, good)?)
        });
        kept.await.map_err(|_| CertificatesError::Panicked)?
    }
}

struct Served {
    custody: Arc<Custody>,
    next: u64,
    page: std::vec::IntoIter<pb::SubscribeCertificatesResponse>,
    _permit: OwnedSemaphorePermit,
}

/// Certificates from the store until it is exhausted, then whenever there is a new one.
pub(super) fn served(
    custody: Arc<Custody>,
    from: u64,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<pb::SubscribeCertificatesResponse, Status>> + Send {
    let state = Served { custody, next: from, page: Vec::new().into_iter(), _permit: permit };
    stream::try_unfold(state, |mut state| async move {
        loop {
            if let Some(message) = state.page.next() {
                return Ok(Some((message, state)));
            }
            let next = state.next;
            // The sender lives as long as the custody.
            let reached =
                state.custody.certified.watch().wait_for(|height| *height >= next).await.map(|height| *height);
            let last = reached.map_err(Plain::internal)?.min(next.saturating_add(AT_ONCE as u64 - 1));
            let custody = state.custody.clone();
            let page = tokio::task::spawn_blocking(move || custody.certificates(next, last)).await;
            let page = page.map_err(Plain::internal)?.map_err(|error| {
                tracing::error!(%error, "store");
                Plain::internal(error)
            })?;
            state.next = last + 1;
            state.page = page.into_iter();
        }
    })
}

impl Custody {
    /// Those of the heights `first` to `last`, which are certified. Blocking.
    fn certificates(&self, first: u64, last: u64) -> Result<Vec<pb::SubscribeCertificatesResponse>, StoreError> {
        let one = |height| {
            let (header, certificate) = (self.store.header(height)?, self.store.certificate(height)?);
            let parts = header.zip(certificate);
            let (header, certificate) = parts.ok_or(StoreError::Damaged { height, what: "certificate is gone" })?;
            Ok(pb::SubscribeCertificatesResponse {
                header: Some((&header).into()),
                certificate: Some((&certificate).into()),
            })
        };
        (first..=last).map(one).collect()
    }
}
