//! One judging, from the first request to the verdict: the network around [`Judging`].

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use weft_da::{Confidence, Header};
use weft_verdict::{Judging, Next, Spread};

use super::{Case, Judge, Judged, Judgement, Verdict};
use crate::fetch::{Digests, Outcome, Reply, Request, fetch_digests};
use crate::nodes::FaultKind;
use crate::progress::{Progress, ProgressEvent};

/// Largest `4k`: no row is on the way to more than one node at a time, so no more replies can wait.
const MAX_REPLIES: usize = weft_da::limits::MAX_K as usize * weft_da::limits::EXTENSION;

/// The state of one judging.
pub(super) struct Run<'a> {
    judge: &'a Judge,
    case: Case,
    header: Header,
    deadline: Instant,
    progress: Progress,
    judging: Judging,
    spread: Spread,
    requests: JoinSet<()>,
    replies: mpsc::Receiver<Reply>,
    reply_to: mpsc::Sender<Reply>,
    /// Rows asked for and not answered.
    on_the_way: BTreeSet<u32>,
    digests: Option<Arc<[u8]>>,
    downloaded_bytes: u64,
}

impl<'a> Run<'a> {
    pub(super) fn new(judge: &'a Judge, case: Case, deadline: Instant, progress: Progress) -> Self {
        let (reply_to, replies) = mpsc::channel(MAX_REPLIES);
        Self {
            judge,
            case,
            header: *case.header.header(),
            deadline,
            progress,
            judging: Judging::new(case.header, judge.target, case.seed),
            spread: Spread::new(judge.nodes.shares(), judge.limits.attempts_per_node),
            requests: JoinSet::new(),
            replies,
            reply_to,
            on_the_way: BTreeSet::new(),
            digests: None,
            downloaded_bytes: 0,
        }
    }

    pub(super) async fn verdict(&mut self) -> Verdict {
        let wanted = self.judging.first_rows();
        (self.progress)(ProgressEvent::HeaderVerified {
            height: self.header.height,
            hash: self.case.header.hash(),
            rows: wanted.len() as u32,
        });
        self.ask(&wanted);
        let found =
            fetch_digests(&self.judge.nodes, &self.header, &self.judge.limits, self.deadline, &self.progress).await;
        let Digests { good, downloaded_bytes, forged, reached } = found;
        self.downloaded_bytes += downloaded_bytes;
        if forged {
            self.judging.forged_digests();
        }
        if reached {
            self.judging.reached();
        }
        if let Some((verified, bytes)) = good {
            self.digests = Some(bytes);
            self.judging.digests(verified);
            self.collect().await;
            while let Next::Ask(more) = self.go_on().await {
                for row in self.ask(&more) {
                    self.give_up(row);
                }
                self.collect().await;
            }
        }
        self.stop();
        self.judging.verdict()
    }

    /// Decides what is next; encoding a block again is not for the reactor.
    async fn go_on(&mut self) -> Next {
        let mut taken = self.judging.clone();
        let decided = tokio::task::spawn_blocking(move || {
            let next = taken.go_on();
            (taken, next)
        });
        match decided.await {
            Ok((judging, next)) => {
                self.judging = judging;
                next
            }
            Err(stopped) => {
                tracing::error!(%stopped, "encoding a block again stopped");
                Next::Done
            }
        }
    }

    /// Ends all requests, and counts what came without being looked at.
    fn stop(&mut self) {
        self.requests.abort_all();
        while let Ok(Reply { outcome, .. }) = self.replies.try_recv() {
            self.came(&outcome);
        }
    }

    fn came(&mut self, outcome: &Outcome) {
        if !matches!(outcome, Outcome::Silent { unreachable: true }) {
            self.judging.reached();
        }
        self.downloaded_bytes += outcome.bytes(&self.header.shape);
    }

    /// Sends each row to the best node left for it; returns those that none is left for.
    fn ask(&mut self, rows: &[u32]) -> Vec<u32> {
        let nodes = &self.judge.nodes;
        rows.iter().for_each(|row| self.spread.want(*row));
        let (requests, hopeless) = self.spread.assign(rows, &nodes.shuffled(), &nodes.ranks());
        for (node, rows) in requests {
            self.on_the_way.extend(&rows);
            let request = Request {
                nodes: nodes.clone(),
                node,
                height: self.header.height,
                shape: self.header.shape,
                rows,
                silence: self.judge.limits.request_timeout,
                deadline: self.deadline,
            };
            self.requests.spawn(request.send(self.reply_to.clone()));
        }
        hopeless
    }

    /// Takes replies until every row on the way is in or given up, or the block is condemned.
    async fn collect(&mut self) {
        while !self.on_the_way.is_empty() && !self.judging.is_condemned() {
            let Ok(Some(first)) = timeout_at(self.deadline, self.replies.recv()).await else { break };
            let mut open = Vec::new();
            let mut next = Some(first);
            while let Some(reply) = next {
                let row = reply.row;
                self.on_the_way.remove(&row);
                if !self.take(reply) {
                    open.push(row);
                }
                next = self.replies.try_recv().ok();
            }
            for row in self.ask(&open) {
                self.give_up(row);
            }
        }
        if !self.judging.is_condemned() {
            for row in std::mem::take(&mut self.on_the_way) {
                self.give_up(row);
            }
        }
    }

    fn give_up(&mut self, row: u32) {
        self.spread.done(row);
        self.judging.give_up(row);
        (self.progress)(ProgressEvent::RowMissing { height: self.header.height, row });
    }

    /// Judges one reply; false if the row is still open.
    fn take(&mut self, Reply { node: at, row, outcome }: Reply) -> bool {
        self.came(&outcome);
        let height = self.header.height;
        let Some(node) = self.judge.nodes.get(at) else { return false };
        let fault = match outcome {
            Outcome::Row(proof) => match self.judging.row(*proof) {
                None => return false,
                Some(Ok(confidence)) => {
                    self.spread.gave(row, at);
                    node.had_row(true);
                    let node = node.name().to_owned();
                    (self.progress)(ProgressEvent::RowOk { height, row, node, confidence });
                    return true;
                }
                Some(Err(fault)) => {
                    (self.progress)(ProgressEvent::RowBad { height, row, node: node.name().to_owned(), fault });
                    if fault.is_wrong_encoding() {
                        // The node is honest: it gave the proof against the producer.
                        self.spread.done(row);
                        return true;
                    }
                    fault.to_string()
                }
            },
            Outcome::WrongSize { .. } => "has a wrong size".to_owned(),
            Outcome::Denied => {
                self.spread.denied(row, at);
                node.had_row(false);
                node.fault(FaultKind::Missing, format_args!("row {row} of block {height}"));
                return false;
            }
            Outcome::Silent { .. } => return false,
        };
        self.spread.give_up(row, at);
        node.fault(FaultKind::Lie, format_args!("row {row} of block {height}: {fault}"));
        false
    }

    pub(super) fn confidence(&self) -> Confidence {
        self.judging.confidence()
    }

    pub(super) const fn downloaded_bytes(&self) -> u64 {
        self.downloaded_bytes
    }

    pub(super) fn into_judged(self, judgement: Judgement) -> Judged {
        let (rows, wrong_row) = self.judging.into_rows();
        Judged { case: self.case, judgement, digests: self.digests, rows, wrong_row }
    }
}
