//! A member follows the headers by itself: from the producer, or from whoever has them.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use weft_service::backoff::Backoff;
use weft_wire::RemoteError;

use super::Custody;
use super::headers::HeaderRefused;
use super::peer::Peer;

/// Headers asked for at once.
const PAGE: u32 = 1_000;

/// Pauses after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Why headers do not come.
#[derive(Debug, thiserror::Error)]
pub(super) enum FollowError {
    #[error("{0}")]
    Remote(#[from] RemoteError),
    #[error("{0}")]
    Refused(#[from] HeaderRefused),
    #[error("the stream of headers ended")]
    Ended,
}

/// Follows for ever.
pub(super) async fn follow(custody: Arc<Custody>) {
    let all = custody.peers_producer_first();
    let mut backoff = Backoff::new(PAUSE.0, PAUSE.1);
    loop {
        for peer in &all {
            let before = custody.chain.height();
            if let Err(error) = follow_one(&custody, peer).await {
                tracing::debug!(peer = %peer.address(), %error, "headers");
            }
            if custody.chain.height() > before {
                backoff.reset();
            }
        }
        tokio::time::sleep(backoff.delay()).await;
    }
}

async fn follow_one(custody: &Custody, peer: &Peer) -> Result<(), FollowError> {
    let mut headers = peer.rows.subscribe_headers(custody.chain.height() + 1).await?;
    while let Some(header) = headers.next().await {
        custody.chain.take(&header?)?;
    }
    Err(FollowError::Ended)
}

impl Custody {
    /// Whom to ask for what only the producer surely has.
    pub(super) fn peers_producer_first(&self) -> Vec<&Peer> {
        let mut all: Vec<&Peer> = self.peers.iter().collect();
        all.sort_by_key(|peer| peer.address() != self.producer);
        all
    }

    /// Takes all headers up to `height`, wherever they are.
    pub(super) async fn catch_up(&self, height: u64) -> Result<(), FollowError> {
        let mut last = Ok(());
        for peer in self.peers_producer_first() {
            last = self.catch_up_from(peer, height).await;
            if last.is_ok() {
                break;
            }
        }
        last
    }

    async fn catch_up_from(&self, peer: &Peer, height: u64) -> Result<(), FollowError> {
        while self.chain.height() < height {
            let before = self.chain.height();
            for header in peer.rows.headers(before + 1, PAGE).await? {
                self.chain.take(&header)?;
            }
            if self.chain.height() == before {
                return Err(FollowError::Ended);
            }
        }
        Ok(())
    }
}
