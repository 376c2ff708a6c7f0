//! One light client's judgement of one block.
//!
//! The shell asks for [`Session::requests`], feeds what comes back to
//! [`Session::accept`], says [`Session::missing`] for rows that no node would
//! give, and reads the verdict. A forged answer is the sender's fault and
//! leaves the row open for another node; a committed row that disagrees with
//! the digests condemns the block for good, and is proof for others.

use std::collections::BTreeMap;

use super::{Confidence, Target, draw};
use crate::block::EncodedBlock;
use crate::header::Header;
use crate::rebuild::{FullFault, check_full};
use crate::row::{RowFault, RowProof, VerifiedDigests, VerifiedRow};
use crate::schedule::Schedule;
use alloy_primitives::B256;

/// How the block is to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// By this many rows drawn at random.
    Sample {
        /// Rows to draw.
        count: u32,
    },
    /// By all original rows: sampling would cost as much.
    DownloadAll,
}

impl Plan {
    /// The cheaper way to reach `target` for this block. Sampling is reckoned with its digests.
    pub fn choose(header: &Header, target: &Target) -> Self {
        let count = target.samples().min(header.shape.rows() as u32);
        if header.shape.light_client_bytes(count) < header.shape.originals_len() as u64 {
            Self::Sample { count }
        } else {
            Self::DownloadAll
        }
    }

    /// Bytes that it downloads beside the header.
    pub fn download_bytes(&self, header: &Header) -> u64 {
        match self {
            Self::Sample { count } => header.shape.light_client_bytes(*count),
            Self::DownloadAll => header.shape.originals_len() as u64,
        }
    }
}

/// What a session has found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Rows are still out.
    Pending,
    /// The target is reached on both counts.
    Available,
    /// These rows were not to be had. A later [`Session::accept`] may still heal it.
    Unavailable {
        /// Rows that no node gave.
        missing: Vec<u32>,
    },
    /// The producer committed to a row outside of the certified codeword. Final.
    WrongEncoding {
        /// The row.
        row: u32,
    },
    /// For this row there were forged answers and no good one.
    Tampered {
        /// The row.
        row: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sample {
    Waiting { forged: bool },
    Missing { forged: bool },
    Good,
}

/// The sampling of one block.
#[derive(Clone, Debug)]
pub struct Session {
    header: Header,
    header_hash: B256,
    target: Target,
    seed: [u8; 32],
    plan: Plan,
    digests: VerifiedDigests,
    samples: BTreeMap<u32, Sample>,
    wrong: Option<u32>,
    whole: bool,
}

impl Session {
    /// Starts judging `header`. The seed must be unpredictable to whoever
    /// serves rows, and fresh for each client.
    pub fn new(header: &Header, digests: VerifiedDigests, target: Target, seed: [u8; 32]) -> Self {
        let mut session = Self {
            header: *header,
            header_hash: header.hash(),
            target,
            seed,
            plan: Plan::choose(header, &target),
            digests,
            samples: BTreeMap::new(),
            wrong: None,
            whole: false,
        };
        if let Plan::Sample { count } = session.plan {
            session.draw(count);
        }
        session
    }

    fn draw(&mut self, count: u32) {
        let rows = self.header.shape.rows() as u32;
        self.samples = draw(&self.seed, self.header_hash, rows, count)
            .into_iter()
            .map(|row| (row, Sample::Waiting { forged: false }))
            .collect();
    }

    /// How the block is judged at present.
    pub const fn plan(&self) -> Plan {
        self.plan
    }

    /// The digests it judges by.
    pub const fn digests(&self) -> &VerifiedDigests {
        &self.digests
    }

    /// Rows to ask nodes for; empty when all are in or given up, and when the plan is to download all.
    pub fn requests(&self) -> Vec<u32> {
        self.select(|sample| matches!(sample, Sample::Waiting { .. }))
    }

    /// Rows drawn, whatever became of them.
    pub fn drawn(&self) -> impl Iterator<Item = u32> + '_ {
        self.samples.keys().copied()
    }

    /// Takes a node's answer. Rows that were not drawn are judged too, and
    /// condemn the block if they are wrong, but add nothing to the confidence.
    pub fn accept(&mut self, proof: &RowProof) -> Result<VerifiedRow, RowFault> {
        let judged = self.digests.verify_row(proof);
        let sample = self.samples.get_mut(&proof.index);
        match (&judged, sample) {
            (Ok(_), Some(sample)) => *sample = Sample::Good,
            (Err(RowFault::DigestMismatch), _) => self.wrong = self.wrong.or(Some(proof.index)),
            (Err(_), Some(Sample::Waiting { forged } | Sample::Missing { forged })) => *forged = true,
            _ => {}
        }
        judged
    }

    /// No node would give this row.
    pub fn missing(&mut self, row: u32) {
        if let Some(sample) = self.samples.get_mut(&row)
            && let Sample::Waiting { forged } = *sample
        {
            *sample = Sample::Missing { forged };
        }
    }

    /// Asks for missing rows once more.
    pub fn retry_missing(&mut self) {
        for sample in self.samples.values_mut() {
            if let Sample::Missing { forged } = *sample {
                *sample = Sample::Waiting { forged };
            }
        }
    }

    /// Takes all original rows in one piece (payload and padding). If they do
    /// not encode to the header, the session goes on by sampling, which can
    /// tell a forged answer from a dishonest producer.
    pub fn accept_full(&mut self, originals: &[u8], schedule: Schedule) -> Result<EncodedBlock, FullFault> {
        let checked = check_full(&self.header, originals, schedule);
        match checked {
            Ok(_) => self.whole = true,
            Err(_) => self.sample_instead(),
        }
        checked
    }

    /// Gives up downloading all and samples instead.
    pub fn sample_instead(&mut self) {
        if self.plan == Plan::DownloadAll {
            let count = self.target.samples().min(self.header.shape.rows() as u32);
            self.plan = Plan::Sample { count };
            self.draw(count);
        }
    }

    /// What is known so far.
    pub fn confidence(&self) -> Confidence {
        if self.whole {
            return Confidence::whole(self.header.shape.k() as u32);
        }
        let good = self.count(|sample| *sample == Sample::Good);
        let missing = self.count(|sample| matches!(sample, Sample::Missing { .. }));
        let mut confidence = Confidence::after(good, missing);
        if self.wrong.is_some() {
            confidence.encoded = 0.0;
        }
        confidence
    }

    /// The verdict so far.
    pub fn verdict(&self) -> Verdict {
        if let Some(row) = self.wrong {
            return Verdict::WrongEncoding { row };
        }
        if self.whole {
            return Verdict::Available;
        }
        if self.plan == Plan::DownloadAll || self.samples.values().any(|at| matches!(at, Sample::Waiting { .. })) {
            return Verdict::Pending;
        }
        let missing = self.select(|sample| matches!(sample, Sample::Missing { .. }));
        let forged = self.select(|sample| matches!(sample, Sample::Missing { forged: true }));
        match (forged.first(), missing.is_empty()) {
            (Some(row), _) => Verdict::Tampered { row: *row },
            (None, false) => Verdict::Unavailable { missing },
            (None, true) => Verdict::Available,
        }
    }

    fn select(&self, which: impl Fn(&Sample) -> bool) -> Vec<u32> {
        self.samples.iter().filter(|(_, sample)| which(sample)).map(|(row, _)| *row).collect()
    }

    fn count(&self, which: impl Fn(&Sample) -> bool) -> u32 {
        self.samples.values().filter(|sample| which(sample)).count() as u32
    }
}
