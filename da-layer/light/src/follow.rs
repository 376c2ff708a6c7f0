//! Following the headers: catch up by lists, then by subscription, from one node at a time.
//!
//! Every header passes [`Chain::extend`] before it goes on. A node whose
//! stream ends, stalls or lies is left for another one. When the chain is
//! silent, all nodes are asked for their newest header: that shows a stream
//! that is behind, and a signer that tells different nodes different things.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use tokio::sync::mpsc;
use tokio::time::timeout;
use weft_da::{SignedHeader, VerifiedHeader};
use weft_service::backoff::Backoff;

use crate::config::Limits;
use crate::nodes::{FaultKind, Node, Nodes};
use crate::source::{Answer, MAX_HEADERS, SourceError};
use crate::status::Board;
use crate::store::Store;
use weft_verdict::chain::{Chain, ChainFault, Fork};

/// Pause between two nodes: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Why following one node ended.
enum End {
    /// The last wanted header is in, or nobody wants more.
    Done,
    /// Another node must be asked.
    Node,
    /// The signer contradicts itself.
    Fork(Box<Fork>),
}

/// Follows the chain and hands over each header once, in order.
pub(crate) struct Follow {
    pub(crate) nodes: Nodes,
    pub(crate) chain: Chain,
    /// Where to begin if the chain has no tip; `None` for the first height.
    pub(crate) start_height: Option<u64>,
    /// Where to end; `None` for never.
    pub(crate) until_height: Option<u64>,
    pub(crate) limits: Limits,
    pub(crate) store: Arc<Store>,
    pub(crate) board: Arc<Board>,
    pub(crate) out: mpsc::Sender<VerifiedHeader>,
    /// Told each time all headers of a node are in and new ones are awaited.
    pub(crate) caught_up: Box<dyn Fn() + Send + Sync>,
}

impl Follow {
    /// Runs until the last wanted header is in. An error is the signer's contradiction.
    pub(crate) async fn run(mut self) -> Result<(), Box<Fork>> {
        let nodes = self.nodes.clone();
        let mut backoff = Backoff::new(PAUSE.0, PAUSE.1);
        loop {
            let before = self.chain.next_height();
            let Some(node) = nodes.ranked().first().and_then(|at| nodes.get(*at)) else { return Ok(()) };
            match self.follow(node).await {
                Ok(()) | Err(End::Done) => return Ok(()),
                Err(End::Fork(fork)) => return Err(fork),
                Err(End::Node) => {}
            }
            if self.chain.next_height() > before {
                backoff.reset();
            }
            tokio::time::sleep(backoff.delay()).await;
        }
    }

    async fn follow(&mut self, node: &Node) -> Result<(), End> {
        if let (None, Some(height)) = (self.chain.tip(), self.start_height.filter(|height| *height > 1)) {
            let signed = self.timed(node, "a header", node.source().header(Some(height))).await?;
            let verified = self.chain.start_at(&signed, height).map_err(|fault| end(node, fault))?;
            self.hand_over(verified).await?;
        }
        loop {
            let from_height = self.chain.next_height();
            let headers = self.timed(node, "headers", node.source().headers(from_height, MAX_HEADERS)).await?;
            if headers.is_empty() {
                break;
            }
            for signed in headers {
                self.take(node, &signed).await?;
            }
        }
        let subscribed = node.source().subscribe(self.chain.next_height());
        let mut stream = self.timed(node, "new headers", subscribed).await?;
        (self.caught_up)();
        loop {
            match timeout(self.limits.head_check, stream.next()).await {
                Ok(Some(Ok(signed))) => self.take(node, &signed).await?,
                Ok(Some(Err(error))) => {
                    node.error(&error, "new headers");
                    return Err(End::Node);
                }
                Ok(None) => {
                    node.fault(FaultKind::Failed, "new headers: the stream ended");
                    return Err(End::Node);
                }
                Err(_) if self.is_behind().await? => {
                    node.fault(FaultKind::TimedOut, "new headers: the stream is behind");
                    return Err(End::Node);
                }
                Err(_) => {}
            }
        }
    }

    async fn timed<T>(&self, node: &Node, asked: &str, answer: impl Future<Output = Answer<T>>) -> Result<T, End> {
        let answer = timeout(self.limits.request_timeout, answer).await.unwrap_or(Err(SourceError::TimedOut));
        answer.inspect(|_| node.answered()).map_err(|error| {
            node.error(&error, asked);
            End::Node
        })
    }

    async fn take(&mut self, node: &Node, signed: &SignedHeader) -> Result<(), End> {
        let height = signed.header.height;
        if height < self.chain.next_height() {
            self.compare(signed).map_err(|fault| end(node, fault))?;
            node.fault(FaultKind::Lie, format_args!("header {height} was not asked for"));
            return Err(End::Node);
        }
        let verified = self.chain.extend(signed).map_err(|fault| end(node, fault))?;
        node.answered();
        // A height that was judged by itself before has its place in the chain only now.
        self.compare(signed).map_err(|fault| end(node, fault))?;
        self.hand_over(verified).await
    }

    async fn hand_over(&mut self, verified: VerifiedHeader) -> Result<(), End> {
        let height = verified.header().height;
        self.board.header(height);
        self.out.send(verified).await.map_err(|_| End::Done)?;
        if self.until_height.is_some_and(|until| height >= until) { Err(End::Done) } else { Ok(()) }
    }

    /// Holds a header against the one of its height that is known, if any.
    fn compare(&self, theirs: &SignedHeader) -> Result<(), ChainFault> {
        let height = theirs.header.height;
        let tip = self.chain.tip().filter(|tip| tip.header.height == height).copied();
        let ours = tip.into_iter().chain(self.store.get(height).map(|record| record.header));
        ours.into_iter().try_for_each(|ours| self.chain.compare(&ours, theirs))
    }

    /// Asks all nodes for their newest header: whether one is above ours, and none contradicts it.
    async fn is_behind(&self) -> Result<bool, End> {
        let asked = self.nodes.iter().map(|node| async move {
            let answer = timeout(self.limits.request_timeout, node.source().header(None)).await;
            (node, answer.unwrap_or(Err(SourceError::TimedOut)))
        });
        let mut behind = false;
        for (node, answer) in join_all(asked).await {
            match answer {
                Ok(signed) => {
                    node.answered();
                    let checked = self.chain.check(&signed).and_then(|_| self.compare(&signed));
                    match checked.map_err(|fault| end(node, fault)) {
                        Ok(()) => behind |= signed.header.height >= self.chain.next_height(),
                        Err(End::Fork(fork)) => return Err(End::Fork(fork)),
                        // The liar is another one than the node that is followed, or will be found out there.
                        Err(End::Node | End::Done) => {}
                    }
                }
                Err(SourceError::NotFound) => {}
                Err(error) => node.error(&error, "its newest header"),
            }
        }
        Ok(behind)
    }
}

/// Blames whoever is to blame.
fn end(node: &Node, fault: ChainFault) -> End {
    match fault {
        ChainFault::Node(fault) => {
            node.fault(FaultKind::Lie, fault);
            End::Node
        }
        ChainFault::Fork(fork) => End::Fork(fork),
    }
}
