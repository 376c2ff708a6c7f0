//! Judging one block: the network around [`weft_verdict::Judging`].
//!
//! Rows that do not come, or come forged, are asked of other nodes. The seed
//! is drawn from the system after the header was seen, and kept with a block
//! that was not available, which is judged again by the same rows.

mod run;

use std::sync::Arc;

use rand::TryRngCore;
use tokio::time::Instant;
use weft_da::row::RowProof;
use weft_da::{Target, VerifiedHeader};

use crate::config::Limits;
use crate::nodes::Nodes;
use crate::progress::{Progress, ProgressEvent};

pub use weft_verdict::{Judgement, Seed, Verdict};

/// A new seed from the system; `None` if it gives none.
pub fn draw_seed() -> Option<Seed> {
    let mut seed = [0; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut seed).ok().map(|()| seed)
}

/// A header that is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The header.
    pub header: VerifiedHeader,
    /// Whether it was linked to the one before it.
    pub linked: bool,
    /// Which rows are drawn.
    pub seed: Seed,
}

/// A judgement with what it rests on.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What was judged.
    pub case: Case,
    /// What came out.
    pub judgement: Judgement,
    /// The digests, if they were to be had.
    pub digests: Option<Arc<[u8]>>,
    /// The rows that verified, by index.
    pub rows: Vec<RowProof>,
    /// The row that proves a wrong encoding.
    pub wrong_row: Option<RowProof>,
}

/// Judges blocks with the help of nodes. Cheap to clone.
#[derive(Clone)]
pub struct Judge {
    nodes: Nodes,
    target: Target,
    limits: Limits,
}

impl Judge {
    /// Asks `nodes`, until `target` is reached or `limits` are.
    pub fn new(nodes: Nodes, target: Target, limits: Limits) -> Self {
        Self { nodes, target, limits }
    }

    /// Judges one block. Takes at most about [`Limits::block_timeout`], and always ends with a verdict.
    pub async fn judge(&self, case: Case, progress: Progress) -> Judged {
        let started = Instant::now();
        let mut run = run::Run::new(self, case, started + self.limits.block_timeout, progress.clone());
        let verdict = run.verdict().await;
        let header = case.header.header();
        let confidence = run.confidence();
        let judgement = Judgement {
            height: header.height,
            header_hash: case.header.hash(),
            verdict,
            available: confidence.available,
            encoded: confidence.encoded,
            samples: confidence.samples,
            payload_bytes: header.shape.total_len(),
            downloaded_bytes: run.downloaded_bytes() + weft_da::signed::SIGNED_HEADER_BYTES as u64,
            elapsed_ms: (started.elapsed().as_secs_f64() * 1e5).round() / 1e2,
            linked: case.linked,
        };
        crate::metrics::judged(&judgement);
        progress(ProgressEvent::Judged(judgement.clone()));
        run.into_judged(judgement)
    }
}
