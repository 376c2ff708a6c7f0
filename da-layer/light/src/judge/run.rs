//! One judging, from the first request to the verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use weft_da::row::RowProof;
use weft_da::sampling::draw;
use weft_da::{Confidence, Header, Plan, Session, Verdict as SessionVerdict};

use super::ask::{Outcome, Reply, Request};
use super::digests::{self, Digests};
use super::spread::Spread;
use super::{Case, Judge, Judged, Judgement, Verdict};
use crate::nodes::FaultKind;
use crate::progress::{Progress, ProgressEvent};

/// Largest `4k`: no row is on the way to more than one node at a time, so no more replies can wait.
const MAX_REPLIES: usize = weft_da::limits::MAX_K as usize * weft_da::limits::EXTENSION;

/// The state of one judging.
pub(super) struct Run<'a> {
    judge: &'a Judge,
    case: Case,
    pub(super) header: Header,
    deadline: Instant,
    progress: Progress,
    spread: Spread,
    requests: JoinSet<()>,
    replies: mpsc::Receiver<Reply>,
    reply_to: mpsc::Sender<Reply>,
    /// Rows asked for and not answered.
    on_the_way: BTreeSet<u32>,
    session: Option<Session>,
    digests: Option<Arc<[u8]>>,
    pub(super) rows: BTreeMap<u32, RowProof>,
    pub(super) wrong_row: Option<RowProof>,
    downloaded_bytes: u64,
    /// Whether any node could be reached at all.
    reached: bool,
    /// All original rows are in, and encode to the committed rows and digests.
    pub(super) whole: bool,
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
            spread: Spread::new(judge.nodes.count(), judge.limits.attempts_per_node),
            requests: JoinSet::new(),
            replies,
            reply_to,
            on_the_way: BTreeSet::new(),
            session: None,
            digests: None,
            rows: BTreeMap::new(),
            wrong_row: None,
            downloaded_bytes: 0,
            reached: false,
            whole: false,
        }
    }

    pub(super) async fn verdict(&mut self) -> Verdict {
        let wanted = self.first_rows();
        (self.progress)(ProgressEvent::HeaderVerified {
            height: self.header.height,
            hash: self.case.header.hash(),
            rows: wanted.len() as u32,
        });
        self.ask(&wanted);
        let found =
            digests::fetch(&self.judge.nodes, &self.header, &self.judge.limits, self.deadline, &self.progress).await;
        let Digests { good, downloaded_bytes, forged, reached } = found;
        self.downloaded_bytes += downloaded_bytes;
        self.reached |= reached;
        let Some((verified, bytes)) = good else {
            self.stop();
            return match (forged, self.reached) {
                (true, _) => Verdict::Tampered { row: None },
                (false, true) => Verdict::Unavailable { missing_rows: Vec::new(), missing_digests: true },
                (false, false) => Verdict::Undecided,
            };
        };
        self.digests = Some(bytes);
        let mut session = Session::new(&self.header, verified, self.judge.target, self.case.seed);
        self.collect(&mut session).await;
        let verdict = match session.plan() {
            Plan::Sample { .. } => None,
            Plan::DownloadAll => self.check_whole(&mut session).await,
        };
        let verdict = verdict.unwrap_or_else(|| self.concluded(&session));
        self.session = Some(session);
        self.stop();
        verdict
    }

    /// Ends all requests, and counts what came without being looked at.
    fn stop(&mut self) {
        self.requests.abort_all();
        while let Ok(Reply { outcome, .. }) = self.replies.try_recv() {
            self.reached |= !matches!(outcome, Outcome::Silent { unreachable: true });
            self.downloaded_bytes += outcome.bytes(&self.header.shape);
        }
    }

    /// What the session will ask for, known before the digests are.
    fn first_rows(&self) -> Vec<u32> {
        let rows = self.header.shape.rows() as u32;
        match Plan::choose(&self.header, &self.judge.target) {
            Plan::Sample { count } => draw(&self.case.seed, self.case.header.hash(), rows, count),
            Plan::DownloadAll => (0..self.header.shape.k() as u32).collect(),
        }
    }

    /// Sends each row to the best node left for it; returns those that none is left for.
    pub(super) fn ask(&mut self, rows: &[u32]) -> Vec<u32> {
        rows.iter().for_each(|row| self.spread.want(*row));
        let (requests, hopeless) = self.spread.assign(rows, &self.judge.nodes);
        for (node, rows) in requests {
            self.on_the_way.extend(&rows);
            let request = Request {
                nodes: self.judge.nodes.clone(),
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

    /// Feeds the session until every row on the way is in or given up, or the block is condemned.
    pub(super) async fn collect(&mut self, session: &mut Session) {
        while !self.on_the_way.is_empty() && self.wrong_row.is_none() {
            let Ok(Some(first)) = timeout_at(self.deadline, self.replies.recv()).await else { break };
            let mut open = Vec::new();
            let mut next = Some(first);
            while let Some(reply) = next {
                let row = reply.row;
                self.on_the_way.remove(&row);
                if !self.take(session, reply) {
                    open.push(row);
                }
                next = self.replies.try_recv().ok();
            }
            for row in self.ask(&open) {
                self.give_up(session, row);
            }
        }
        if self.wrong_row.is_none() {
            for row in std::mem::take(&mut self.on_the_way) {
                self.give_up(session, row);
            }
        }
    }

    pub(super) fn give_up(&mut self, session: &mut Session, row: u32) {
        self.spread.done(row);
        session.missing(row);
        (self.progress)(ProgressEvent::RowMissing { height: self.header.height, row });
    }

    /// Judges one reply; false if the row is still open.
    fn take(&mut self, session: &mut Session, reply: Reply) -> bool {
        let Reply { node: at, row, outcome } = reply;
        let unreachable = matches!(outcome, Outcome::Silent { unreachable: true });
        self.reached |= !unreachable;
        self.downloaded_bytes += outcome.bytes(&self.header.shape);
        match outcome {
            Outcome::Row(proof) => return self.take_row(session, at, *proof),
            Outcome::WrongSize { .. } => {
                self.spread.give_up(row, at);
                self.blame(at, format_args!("row {row} of block {} has a wrong size", self.header.height));
            }
            Outcome::Denied => {
                self.spread.give_up(row, at);
                if let Some(node) = self.judge.nodes.get(at) {
                    node.fault(FaultKind::Missing, format_args!("row {row} of block {}", self.header.height));
                }
            }
            Outcome::Silent { .. } => {}
        }
        false
    }

    fn take_row(&mut self, session: &mut Session, at: usize, proof: RowProof) -> bool {
        let (height, row) = (self.header.height, proof.index);
        let node = self.judge.nodes.get(at).map(|node| node.name().to_owned()).unwrap_or_default();
        match session.accept(&proof) {
            Ok(_) => {
                self.spread.done(row);
                self.rows.insert(row, proof);
                let confidence = session.confidence();
                (self.progress)(ProgressEvent::RowOk { height, row, node, confidence });
                true
            }
            Err(fault) => {
                (self.progress)(ProgressEvent::RowBad { height, row, node, fault });
                if fault.is_wrong_encoding() {
                    // The node is honest: it gave the proof against the producer.
                    self.spread.done(row);
                    self.wrong_row = Some(proof);
                    return true;
                }
                self.spread.give_up(row, at);
                self.blame(at, format_args!("row {row} of block {height}: {fault}"));
                false
            }
        }
    }

    fn blame(&self, at: usize, what: impl std::fmt::Display) {
        if let Some(node) = self.judge.nodes.get(at) {
            node.fault(FaultKind::Lie, what);
        }
    }

    fn concluded(&self, session: &Session) -> Verdict {
        match session.verdict() {
            SessionVerdict::Available if session.confidence().reaches(&self.judge.target) => Verdict::Available,
            SessionVerdict::WrongEncoding { row } => Verdict::WrongEncoding { row },
            SessionVerdict::Tampered { row } => Verdict::Tampered { row: Some(row) },
            SessionVerdict::Unavailable { missing } => {
                Verdict::Unavailable { missing_rows: missing, missing_digests: false }
            }
            SessionVerdict::Available | SessionVerdict::Pending => {
                Verdict::Unavailable { missing_rows: session.requests(), missing_digests: false }
            }
        }
    }

    pub(super) fn confidence(&self) -> Confidence {
        if self.whole {
            return Confidence::whole(self.header.shape.k() as u32);
        }
        let nothing = Confidence { available: 0.0, encoded: 0.0, samples: 0 };
        self.session.as_ref().map_or(nothing, Session::confidence)
    }

    pub(super) const fn downloaded_bytes(&self) -> u64 {
        self.downloaded_bytes
    }

    pub(super) fn into_judged(self, judgement: Judgement) -> Judged {
        Judged {
            case: self.case,
            judgement,
            digests: self.digests,
            rows: self.rows.into_values().collect(),
            wrong_row: self.wrong_row,
        }
    }
}
