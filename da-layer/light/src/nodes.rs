//! The nodes that a client asks, and what it has learnt about each.
//!
//! A node that lied (sent what does not check) is asked last from then on; one
//! that does not answer is asked after those that do. Nothing is forgiven by
//! time alone, but a node that is the only one left is still asked: its lies
//! are caught, so asking costs only bytes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rand::seq::SliceRandom;
use serde::Serialize;
use weft_verdict::{Rank, Share};

use crate::source::{Source, SourceError};

/// Failures in a row beyond which more do not matter.
const FAILURES_CAP: u64 = 3;

/// What a node did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Sent something that does not check, or does not decode.
    Lie,
    /// Said that it does not have a row or the digests.
    Missing,
    /// Did not answer in time.
    TimedOut,
    /// No connection, or an error for an answer.
    Failed,
}

impl FaultKind {
    /// Name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lie => "lie",
            Self::Missing => "missing",
            Self::TimedOut => "timed_out",
            Self::Failed => "failed",
        }
    }
}

impl From<&SourceError> for FaultKind {
    fn from(error: &SourceError) -> Self {
        match error {
            SourceError::NotFound => Self::Missing,
            SourceError::Malformed(_) => Self::Lie,
            SourceError::TimedOut => Self::TimedOut,
            SourceError::Unreachable(_) | SourceError::Refused(_) => Self::Failed,
        }
    }
}

/// One node and its record.
pub struct Node {
    source: Arc<dyn Source>,
    lies: AtomicU64,
    missing: AtomicU64,
    timed_out: AtomicU64,
    failed: AtomicU64,
    /// Time-outs and failures since the last answer.
    silent: AtomicU64,
    /// How many of the rows asked for it had.
    share: Mutex<Share>,
    last_fault: Mutex<Option<String>>,
}

/// A node's record, for reports.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeReport {
    /// Its address.
    pub url: String,
    /// Answers that did not check.
    pub lies: u64,
    /// Rows or digests that it said it does not have.
    pub missing: u64,
    /// Requests without an answer in time.
    pub timed_out: u64,
    /// Requests that failed otherwise.
    pub failed: u64,
    /// Part of the rows asked for lately that it had, 0 to 1; `None` while few were asked for.
    pub share: Option<f64>,
    /// The newest fault, in words.
    pub last_fault: Option<String>,
}

impl Node {
    fn new(source: Arc<dyn Source>) -> Self {
        Self {
            source,
            lies: AtomicU64::new(0),
            missing: AtomicU64::new(0),
            timed_out: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            silent: AtomicU64::new(0),
            share: Mutex::default(),
            last_fault: Mutex::new(None),
        }
    }

    /// What to ask.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// Its address.
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// It answered as it should.
    pub fn answered(&self) {
        self.silent.store(0, Ordering::Relaxed);
    }

    /// Holds `what` against it.
    pub fn fault(&self, kind: FaultKind, what: impl std::fmt::Display) {
        let counter = match kind {
            FaultKind::Lie => &self.lies,
            FaultKind::Missing => &self.missing,
            FaultKind::TimedOut => &self.timed_out,
            FaultKind::Failed => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if matches!(kind, FaultKind::TimedOut | FaultKind::Failed) {
            self.silent.fetch_add(1, Ordering::Relaxed);
        }
        let what = what.to_string();
        if kind == FaultKind::Lie {
            tracing::warn!(node = self.name(), what, "node lied");
        } else {
            tracing::debug!(node = self.name(), kind = kind.name(), what, "node fault");
        }
        crate::metrics::node_fault(self.name(), kind);
        *self.last_fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
    }

    /// Holds a failed request against it.
    pub fn error(&self, error: &SourceError, asked: &str) {
        self.fault(FaultKind::from(error), format_args!("{asked}: {error}"));
    }

    /// It had a row that it was asked for, or said that it did not. Nodes need not keep all rows, so this is no fault.
    pub fn had_row(&self, had: bool) {
        self.share.lock().unwrap_or_else(PoisonError::into_inner).count(had);
    }

    /// How many of the rows asked for it had.
    pub fn share(&self) -> Share {
        *self.share.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Less is better: liars last, then the silent.
    pub fn rank(&self) -> Rank {
        Rank {
            lied: self.lies.load(Ordering::Relaxed) > 0,
            silent: self.silent.load(Ordering::Relaxed).min(FAILURES_CAP),
        }
    }

    /// Its record.
    pub fn report(&self) -> NodeReport {
        NodeReport {
            url: self.name().to_owned(),
            lies: self.lies.load(Ordering::Relaxed),
            missing: self.missing.load(Ordering::Relaxed),
            timed_out: self.timed_out.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            share: self.share().part(),
            last_fault: self.last_fault.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// All nodes of a client; never empty.
#[derive(Clone)]
pub struct Nodes(Arc<[Node]>);

impl Nodes {
    /// With clean records.
    pub fn new(sources: Vec<Arc<dyn Source>>) -> Self {
        Self(sources.into_iter().map(Node::new).collect())
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// One of them.
    pub fn get(&self, at: usize) -> Option<&Node> {
        self.0.get(at)
    }

    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.0.iter()
    }

    /// Positions of all, in random order.
    pub fn shuffled(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.shuffle(&mut rand::rng());
        order
    }

    /// Positions of all, best first, in random order among equals.
    pub fn ranked(&self) -> Vec<usize> {
        let mut order = self.shuffled();
        order.sort_by_key(|at| self.0[*at].rank());
        order
    }

    /// The ranks of all, by position.
    pub fn ranks(&self) -> Vec<Rank> {
        self.0.iter().map(Node::rank).collect()
    }

    /// How many of the rows asked for each had, by position.
    pub fn shares(&self) -> Vec<Share> {
        self.0.iter().map(Node::share).collect()
    }

    /// All records.
    pub fn reports(&self) -> Vec<NodeReport> {
        self.0.iter().map(Node::report).collect()
    }

    /// The newest fault of any, for errors about all of them.
    pub fn faults_in_words(&self) -> String {
        let words: Vec<String> = self
            .reports()
            .into_iter()
            .map(|node| format!("{} ({})", node.url, node.last_fault.as_deref().unwrap_or("no fault")))
            .collect();
        words.join(", ")
    }
}
