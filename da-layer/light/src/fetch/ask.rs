//! Asking one node for rows: whatever it does, every row asked for gets exactly one answer.
//!
//! Bounded in time by silence and by the block's deadline, in memory by the
//! sizes that the header fixes: rows of other sizes are refused before they
//! are kept.

use std::collections::BTreeSet;

use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, timeout_at};
use weft_da::Shape;
use weft_da::row::RowProof;

use crate::nodes::{FaultKind, Nodes};
use crate::source::{RowAnswer, SourceError};

/// What became of one row asked of one node.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) node: usize,
    pub(crate) row: u32,
    pub(crate) outcome: Outcome,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    /// A row of the right sizes; not verified.
    Row(Box<RowProof>),
    /// Refused without a look at the content.
    WrongSize { bytes: u64 },
    /// The node says that it does not have it.
    Denied,
    /// No answer.
    Silent { unreachable: bool },
}

impl Outcome {
    /// Bytes that came.
    pub(crate) const fn bytes(&self, shape: &Shape) -> u64 {
        match self {
            Self::Row(_) => shape.sample_bytes(),
            Self::WrongSize { bytes } => *bytes,
            Self::Denied | Self::Silent { .. } => 0,
        }
    }
}

/// What to ask of whom, and until when.
pub(crate) struct Request {
    pub(crate) nodes: Nodes,
    pub(crate) node: usize,
    pub(crate) height: u64,
    pub(crate) shape: Shape,
    pub(crate) rows: Vec<u32>,
    pub(crate) silence: Duration,
    pub(crate) deadline: Instant,
}

impl Request {
    /// Asks, and sends one [`Reply`] for each row. `replies` has room for all of them.
    pub(crate) async fn send(self, replies: mpsc::Sender<Reply>) {
        let mut open: BTreeSet<u32> = self.rows.iter().copied().collect();
        let ended = self.receive(&mut open, &replies).await;
        let Some(node) = self.nodes.get(self.node) else { return };
        let outcome = || match &ended {
            Err(SourceError::NotFound) => Outcome::Denied,
            Err(SourceError::Unreachable(_)) => Outcome::Silent { unreachable: true },
            _ => Outcome::Silent { unreachable: false },
        };
        match &ended {
            Err(error) => node.error(error, &format!("{} rows of block {}", open.len(), self.height)),
            Ok(()) if open.is_empty() => node.answered(),
            Ok(()) => {
                let what = format!("answer ended without {} rows of block {}", open.len(), self.height);
                node.fault(FaultKind::Failed, what);
            }
        }
        for row in open {
            // A closed channel means that the judge has its verdict.
            let _ = replies.send(Reply { node: self.node, row, outcome: outcome() }).await;
        }
    }

    async fn receive(&self, open: &mut BTreeSet<u32>, replies: &mpsc::Sender<Reply>) -> Result<(), SourceError> {
        let Some(node) = self.nodes.get(self.node) else { return Ok(()) };
        let until = || (Instant::now() + self.silence).min(self.deadline);
        let asked = node.source().rows(self.height, self.rows.clone());
        let mut stream = timeout_at(until(), asked).await.map_err(|_| SourceError::TimedOut)??;
        while !open.is_empty() {
            let next = timeout_at(until(), stream.next()).await.map_err(|_| SourceError::TimedOut)?;
            let Some(answer) = next.transpose()? else { break };
            let (row, outcome) = match answer {
                RowAnswer::Missing(row) => (row, Outcome::Denied),
                RowAnswer::Row(proof) => (proof.index, self.sized(proof)),
            };
            if !open.remove(&row) {
                return Err(SourceError::Malformed(format!("row {row} was not asked for")));
            }
            let _ = replies.send(Reply { node: self.node, row, outcome }).await;
        }
        Ok(())
    }

    fn sized(&self, proof: RowProof) -> Outcome {
        if proof.row.len() == self.shape.row_len() && proof.path.len() == self.shape.path_len() {
            Outcome::Row(Box::new(proof))
        } else {
            Outcome::WrongSize { bytes: (proof.row.len() + proof.path.len() * 32) as u64 }
        }
    }
}
