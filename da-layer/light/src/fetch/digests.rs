//! The digests of a block, from whichever node has the right ones.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};
use weft_da::{Header, VerifiedDigests};

use crate::config::Limits;
use crate::nodes::{FaultKind, Node, Nodes};
use crate::progress::{Progress, ProgressEvent};
use crate::source::SourceError;

/// What the nodes gave.
pub(crate) struct Digests {
    /// The digests and their bytes, if any node gave the right ones.
    pub(crate) good: Option<(VerifiedDigests, Arc<[u8]>)>,
    /// Bytes received, good or not.
    pub(crate) downloaded_bytes: u64,
    /// Whether some node sent others than the header commits to.
    pub(crate) forged: bool,
    /// Whether some node could be reached.
    pub(crate) reached: bool,
}

/// Asks node after node, the best first.
pub(crate) async fn fetch(
    nodes: &Nodes,
    header: &Header,
    limits: &Limits,
    deadline: Instant,
    progress: &Progress,
) -> Digests {
    let mut found = Digests { good: None, downloaded_bytes: 0, forged: false, reached: false };
    // Who answered, in whatever way, is not asked again.
    let mut answered = vec![false; nodes.count()];
    for _ in 0..limits.attempts_per_node {
        let silent: Vec<usize> = nodes.ranked().into_iter().filter(|at| !answered[*at]).collect();
        for at in silent {
            let Some(node) = nodes.get(at) else { continue };
            let until = (Instant::now() + limits.request_timeout).min(deadline);
            let asked = timeout_at(until, node.source().digests(header.height)).await;
            match asked.unwrap_or(Err(SourceError::TimedOut)) {
                Ok(bytes) => {
                    answered[at] = true;
                    judge(node, header, bytes, &mut found, progress).await;
                }
                Err(error) => {
                    answered[at] = matches!(error, SourceError::NotFound | SourceError::Malformed(_));
                    found.reached |= !matches!(error, SourceError::Unreachable(_));
                    node.error(&error, &format!("digests of block {}", header.height));
                }
            }
            if found.good.is_some() || Instant::now() >= deadline {
                return found;
            }
        }
    }
    found
}

async fn judge(node: &Node, header: &Header, bytes: Vec<u8>, found: &mut Digests, progress: &Progress) {
    found.reached = true;
    found.downloaded_bytes += bytes.len() as u64;
    let header = *header;
    let bytes: Arc<[u8]> = bytes.into();
    let taken = bytes.clone();
    // Milliseconds of hashing and encoding for a large block: not on the reactor.
    let verified = tokio::task::spawn_blocking(move || VerifiedDigests::verify(&header, &taken)).await;
    match verified {
        Ok(Ok(digests)) => {
            node.answered();
            progress(ProgressEvent::DigestsVerified { height: header.height, node: node.name().to_owned() });
            found.good = Some((digests, bytes));
        }
        Ok(Err(fault)) => {
            found.forged = true;
            node.fault(FaultKind::Lie, format_args!("digests of block {}: {fault}", header.height));
            progress(ProgressEvent::DigestsBad { height: header.height, node: node.name().to_owned(), fault });
        }
        Err(stopped) => tracing::error!(%stopped, "checking digests stopped"),
    }
}
