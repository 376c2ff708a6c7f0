//! Parts of one block's payload, from whichever nodes have rows: the network around [`Restore`].
//!
//! Each node has a bounded number of rows on the way and gets more as it
//! answers, so a fast node gives more and one that stalls holds up only what it
//! has, until its request fails and others are asked. Rows are judged as they
//! come, and only those that are good are held: as many as are needed, and not
//! many more, because no more are asked for than the answers so far make
//! necessary. Ends when nothing came for a whole [`Limits::block_timeout`].
//!
//! [`Limits::block_timeout`]: crate::Limits::block_timeout

use std::collections::BTreeSet;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use weft_da::{Schedule, VerifiedDigests, VerifiedHeader, VerifiedRow};
use weft_verdict::{Restore, RestoreFault, Spread};

use super::BlobError;
use crate::client::Client;
use crate::error::LightError;
use crate::fetch::{Outcome, Reply, Request, fetch_digests};
use crate::nodes::FaultKind;
use crate::progress::{Progress, ProgressEvent};

/// Bytes of rows in one request, about.
const REQUEST_BYTES: usize = 1 << 20;

/// Rows in one request: at least and at most.
const REQUEST_ROWS: (usize, usize) = (16, 256);

/// Requests that one node has at a time.
const REQUESTS_PER_NODE: usize = 2;

/// Replies that wait to be judged; whoever sends more waits.
const MAX_REPLIES: usize = 64;

/// Rows that may be on the way however few are missing.
const MIN_ON_THE_WAY: usize = 16;

/// However few answers are good, no more than this many rows are on the way for each one missing.
const MAX_ASKED_FOR_ONE: usize = 16;

/// The downloading of parts of one block.
pub(super) struct Download {
    client: Client,
    header: VerifiedHeader,
    digests: VerifiedDigests,
    progress: Progress,
    started: Instant,
    /// Good rows so far, for further parts.
    rows: Vec<VerifiedRow>,
    pub(super) rows_downloaded: usize,
    pub(super) rows_kept: usize,
    pub(super) rebuilt: bool,
    pub(super) downloaded_bytes: u64,
}

/// One part on its way.
struct Part {
    restore: Restore,
    spread: Spread,
    requests: JoinSet<()>,
    replies: mpsc::Receiver<Reply>,
    reply_to: mpsc::Sender<Reply>,
    on_the_way: BTreeSet<u32>,
    /// Rows on the way to each node.
    load: Vec<usize>,
    good: usize,
    answers: usize,
}

impl Download {
    /// Gets the digests, and the rows that were kept from sampling.
    pub(super) async fn start(client: &Client, header: VerifiedHeader, progress: Progress) -> Result<Self, BlobError> {
        let started = Instant::now();
        let (limits, height) = (&client.config.limits, header.header().height);
        let deadline = started + limits.block_timeout;
        let found = fetch_digests(&client.nodes, header.header(), limits, deadline, &progress).await;
        let no_digests = || BlobError::NoDigests { height, nodes: client.nodes.faults_in_words() };
        let (digests, _) = found.good.ok_or_else(no_digests)?;
        let store = client.store.clone();
        let kept = tokio::task::spawn_blocking(move || store.samples(height)).await.map_err(LightError::from)?;
        let rows = kept.map_or_else(Vec::new, |kept| kept.rows);
        Ok(Self {
            client: client.clone(),
            header,
            digests,
            progress,
            started,
            rows_kept: rows.iter().filter(|row| row.row_root() == header.header().row_root).count(),
            rows,
            rows_downloaded: 0,
            rebuilt: false,
            downloaded_bytes: found.downloaded_bytes,
        })
    }

    /// Bytes of the payload.
    pub(super) async fn part(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, BlobError> {
        let height = self.header.header().height;
        let nodes = self.client.nodes.clone();
        let fault = |why| BlobError::Rows { height, why, nodes: nodes.faults_in_words() };
        let mut restore = Restore::new(self.header.header(), self.digests.clone(), offset, length).map_err(&fault)?;
        self.rows.drain(..).for_each(|row| restore.keep(row));
        let restore = self.collect(restore).await;
        let done = tokio::task::spawn_blocking(move || {
            let bytes = restore.finish(Schedule::Parallel);
            (restore, bytes)
        });
        let (restore, bytes) = done.await.map_err(LightError::from)?;
        self.rebuilt |= restore.progress().rebuilding;
        self.rows = restore.into_rows();
        bytes.map_err(|why: RestoreFault| fault(why))
    }

    async fn collect(&mut self, restore: Restore) -> Restore {
        let (reply_to, replies) = mpsc::channel(MAX_REPLIES);
        let nodes = &self.client.nodes;
        let mut part = Part {
            restore,
            spread: Spread::new(nodes.shares(), self.client.config.limits.attempts_per_node),
            requests: JoinSet::new(),
            replies,
            reply_to,
            on_the_way: BTreeSet::new(),
            load: vec![0; nodes.count()],
            good: 0,
            answers: 0,
        };
        let mut rebuilding = None;
        let mut patience = Instant::now() + self.client.config.limits.block_timeout;
        while part.restore.short() > 0 && !part.restore.is_impossible() {
            // The set grows once, when a row of the part is lost.
            if rebuilding.replace(part.restore.is_rebuilding()) != Some(part.restore.is_rebuilding()) {
                part.restore.wanted().into_iter().for_each(|row| part.spread.want(row));
            }
            self.ask(&mut part);
            if part.on_the_way.is_empty() {
                break;
            }
            let Ok(Some(first)) = timeout_at(patience, part.replies.recv()).await else { break };
            let before = part.good;
            let mut next = Some(first);
            while let Some(reply) = next {
                self.take(&mut part, reply);
                next = if part.restore.short() > 0 { part.replies.try_recv().ok() } else { None };
            }
            if part.good > before {
                patience = Instant::now() + self.client.config.limits.block_timeout;
                (self.progress)(ProgressEvent::Restoring {
                    height: self.header.header().height,
                    progress: part.restore.progress(),
                    downloaded_bytes: self.downloaded_bytes,
                    elapsed_ms: self.started.elapsed().as_millis() as u64,
                });
            }
        }
        // What came too late is not looked at, but it came.
        while let Ok(Reply { outcome, .. }) = part.replies.try_recv() {
            self.downloaded_bytes += outcome.bytes(&self.header.header().shape);
        }
        part.restore
    }

    /// Gives each node that has room some of the rows that are open, in turn, until nobody takes any.
    fn ask(&self, part: &mut Part) {
        let nodes = &self.client.nodes;
        let chunk = (REQUEST_BYTES / self.header.header().shape.row_len()).clamp(REQUEST_ROWS.0, REQUEST_ROWS.1);
        let for_one = ((part.answers + 1).div_ceil(part.good + 1)).min(MAX_ASKED_FOR_ONE);
        let missing = part.restore.short() * for_one;
        // Little is shared, so that all work on it.
        let fair = chunk.min(missing.div_ceil(nodes.count()));
        let ranks = nodes.ranks();
        let order = nodes.shuffled();
        let mut taken = true;
        while taken {
            taken = false;
            for node in &order {
                let room = missing.max(MIN_ON_THE_WAY).saturating_sub(part.on_the_way.len());
                if part.load[*node] > chunk * (REQUESTS_PER_NODE - 1) || room == 0 {
                    continue;
                }
                let rows = part.spread.take(*node, &ranks, &part.on_the_way, fair.min(room));
                if !rows.is_empty() {
                    taken = true;
                    self.send(part, *node, rows);
                }
            }
        }
    }

    fn send(&self, part: &mut Part, node: usize, rows: Vec<u32>) {
        part.load[node] += rows.len();
        part.on_the_way.extend(&rows);
        let limits = &self.client.config.limits;
        let request = Request {
            nodes: self.client.nodes.clone(),
            node,
            height: self.header.header().height,
            shape: self.header.header().shape,
            rows,
            silence: limits.request_timeout,
            deadline: Instant::now() + limits.block_timeout,
        };
        part.requests.spawn(request.send(part.reply_to.clone()));
    }

    fn take(&mut self, part: &mut Part, Reply { node: at, row, outcome }: Reply) {
        self.downloaded_bytes += outcome.bytes(&self.header.header().shape);
        part.on_the_way.remove(&row);
        part.load[at] = part.load[at].saturating_sub(1);
        let Some(node) = self.client.nodes.get(at) else { return };
        let height = self.header.header().height;
        let lie = match outcome {
            Outcome::Row(proof) => match part.restore.row(&proof) {
                Ok(()) => {
                    part.spread.gave(row, at);
                    node.had_row(true);
                    part.good += 1;
                    part.answers += 1;
                    self.rows_downloaded += 1;
                    return;
                }
                Err(fault) if fault.is_wrong_encoding() => {
                    // The producer's fault; there is no right row.
                    part.spread.done(row);
                    part.answers += 1;
                    return;
                }
                Err(fault) => Some(fault.to_string()),
            },
            Outcome::WrongSize { .. } => Some("has a wrong size".to_owned()),
            Outcome::Denied => {
                part.spread.denied(row, at);
                node.had_row(false);
                node.fault(FaultKind::Missing, format_args!("row {row} of block {height}"));
                None
            }
            Outcome::Silent { .. } => None,
        };
        if let Some(lie) = lie {
            part.spread.give_up(row, at);
            node.fault(FaultKind::Lie, format_args!("row {row} of block {height}: {lie}"));
        }
        if part.spread.is_hopeless(row) {
            part.spread.done(row);
            part.restore.lost(row);
            part.answers += 1;
        }
    }
}
