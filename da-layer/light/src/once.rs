//! Judging one height.
//!
//! All nodes are asked for its header, and must not contradict each other or
//! what was judged before. It is linked to the judged chain if that is not far
//! below; otherwise its signature alone speaks for it, and the judgement says so.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, timeout, timeout_at};
use weft_da::{SignedHeader, VerifiedHeader};

use crate::client::{Client, left_ms};
use crate::engine;
use crate::error::LightError;
use crate::judge::Judgement;
use crate::nodes::{FaultKind, Node};
use crate::progress::{Progress, ProgressEvent};
use crate::source::{MAX_HEADERS, SourceError};
use weft_verdict::chain::{Chain, ChainFault};

/// Pause between two questions for a block that is not there yet.
const POLL_PAUSE: Duration = Duration::from_millis(200);

/// Which height to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnceTarget {
    /// The newest.
    Latest,
    /// This one.
    Height(u64),
}

impl OnceTarget {
    const fn height(self) -> Option<u64> {
        match self {
            Self::Latest => None,
            Self::Height(height) => Some(height),
        }
    }
}

pub(crate) async fn once(client: &Client, target: OnceTarget, progress: Progress) -> Result<Judgement, LightError> {
    let limits = &client.config.limits;
    let deadline = Instant::now() + limits.wait_for_block;
    let anchor = client.settle(Some(deadline), &progress).await?;
    let chain = client.chain(&anchor);
    let header = loop {
        if let Some(header) = header(client, &chain, target).await? {
            break header;
        }
        if Instant::now() >= deadline {
            let what = target.height().map_or("the first DA block".to_owned(), |height| format!("DA block {height}"));
            let nodes = client.nodes.faults_in_words();
            return Err(LightError::NoBlock { what, waited: limits.wait_for_block, nodes });
        }
        progress(ProgressEvent::Waiting { left_ms: left_ms(Some(deadline)) });
        tokio::time::sleep(POLL_PAUSE).await;
    };
    client.board.header(header.header().height);
    let linked = is_linked(client, chain, &header).await?;
    let case = engine::case(client, header, linked)?;
    let judged = client.judge.judge(case, progress).await;
    let judgement = judged.judgement.clone();
    engine::remember(client, vec![judged]).await?;
    Ok(judgement)
}

/// The header that the nodes show; `None` if none has it. The others get a moment more than the fastest.
pub(crate) async fn header(
    client: &Client,
    chain: &Chain,
    target: OnceTarget,
) -> Result<Option<VerifiedHeader>, LightError> {
    let limits = &client.config.limits;
    let mut asked: FuturesUnordered<_> = client
        .nodes
        .iter()
        .map(|node| async move {
            let answer = timeout(limits.request_timeout, node.source().header(target.height())).await;
            (node, answer.unwrap_or(Err(SourceError::TimedOut)))
        })
        .collect();
    let mut until = Instant::now() + limits.request_timeout;
    let mut best: Option<VerifiedHeader> = None;
    while let Ok(Some((node, answer))) = timeout_at(until, asked.next()).await {
        let signed = match answer {
            Ok(signed) => signed,
            // There is no such block yet, or the node is behind: no fault.
            Err(SourceError::NotFound) => {
                node.answered();
                continue;
            }
            Err(error) => {
                node.error(&error, "a header");
                continue;
            }
        };
        let Some(verified) = check(client, chain, target, node, &signed, best.as_ref())? else { continue };
        node.answered();
        until = until.min(Instant::now() + limits.cross_check);
        if best.is_none_or(|best| best.header().height < signed.header.height) {
            best = Some(verified);
        }
    }
    Ok(best)
}

/// Checks a header by itself and against what is known of its height.
fn check(
    client: &Client,
    chain: &Chain,
    target: OnceTarget,
    node: &Node,
    signed: &SignedHeader,
    best: Option<&VerifiedHeader>,
) -> Result<Option<VerifiedHeader>, LightError> {
    let height = signed.header.height;
    let known = client.store.get(height).map(|record| record.header);
    let other = best.map(|best| *best.signed()).filter(|best| best.header.height == height);
    let checked = chain.check_at(signed, target.height().unwrap_or(height)).and_then(|verified| {
        known.into_iter().chain(other).try_for_each(|ours| chain.compare(&ours, signed)).map(|()| verified)
    });
    match checked {
        Ok(verified) => Ok(Some(verified)),
        Err(ChainFault::Fork(fork)) => Err(client.fork(fork)),
        Err(ChainFault::Node(fault)) => {
            node.fault(FaultKind::Lie, fault);
            Ok(None)
        }
    }
}

/// Whether the header is part of the chain that was judged, or follows it within one list of headers.
async fn is_linked(client: &Client, mut chain: Chain, header: &VerifiedHeader) -> Result<bool, LightError> {
    let height = header.header().height;
    if height < chain.next_height() {
        return Ok(client.store.get(height).is_some_and(|record| record.judgement.linked));
    }
    let between = height - chain.next_height();
    let mut between_headers = Vec::new();
    if between > 0 {
        if between > u64::from(MAX_HEADERS) || chain.tip().is_none() {
            return Ok(false);
        }
        let Some(node) = client.nodes.ranked().first().and_then(|at| client.nodes.get(*at)) else { return Ok(false) };
        let asked = node.source().headers(chain.next_height(), between as u32);
        match timeout(client.config.limits.request_timeout, asked).await.unwrap_or(Err(SourceError::TimedOut)) {
            Ok(headers) => between_headers = headers,
            Err(error) => {
                node.error(&error, "headers");
                return Ok(false);
            }
        }
        if between_headers.len() as u64 != between {
            return Ok(false);
        }
    }
    for signed in between_headers.iter().chain([header.signed()]) {
        match chain.extend(signed) {
            Ok(_) => {}
            Err(ChainFault::Fork(fork)) => return Err(client.fork(fork)),
            Err(ChainFault::Node(fault)) => {
                tracing::warn!(height = signed.header.height, %fault, "a header on the way does not check");
                return Ok(false);
            }
        }
    }
    Ok(true)
}
