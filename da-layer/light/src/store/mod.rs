//! What a client remembers: whom it trusts, what it judged, what it can prove.
//!
//! ```text
//! data_dir/lock              held while a client runs
//! data_dir/trust.json        the anchor, written once (trust)
//! data_dir/judgements.jsonl  one line a judgement with its signed header (log); first, the sum of those forgotten
//! data_dir/evidence/*.json   proofs against the signer (evidence)
//! data_dir/samples/*.rows    sampled rows, if wanted (samples)
//! ```
//!
//! Invariant: `judgements.jsonl` holds the linked heights in order, so the end
//! of the run without a gap is where a client goes on after a restart; the
//! newest line of a height counts. The memory holds at most the configured
//! number of judgements, the file at most twice as many; of older ones the
//! confidence over the chain keeps its part. Without a `data_dir`
//! only the memory is used. Deliberately absent: a database.

mod drawn;
mod evidence;
mod file;
mod kept;
mod log;
mod samples;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use weft_da::{SignedHeader, VerifiedRow};
use weft_verdict::ChainConfidence;

use crate::config::Limits;
use crate::judge::{Judged, Judgement};
use crate::trust::Anchor;
use drawn::DrawnRows;
use evidence::Evidence;
use kept::KeptRecords;
use log::{Entry, Log};
use samples::Samples;
use weft_verdict::chain::Fork;

pub use kept::Totals;
pub use log::Record;
pub use samples::StoredSamples;

/// Why something cannot be remembered.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Another client uses the folder.
    #[error("{0} is in use by another light client: stop it, or use another --data-dir")]
    InUse(PathBuf),
    /// A file holds something else.
    #[error("{path}, line {line}: damaged ({why}); move the file away to judge all blocks again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Line from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

/// A client's memory.
pub struct Store {
    inner: Mutex<Inner>,
    evidence: Option<Evidence>,
    samples: Option<Samples>,
    drawn: DrawnRows,
    dir: Option<PathBuf>,
    /// Height up to which all linked heights are judged; 0 for none.
    through: watch::Sender<u64>,
    /// Held as long as the store lives.
    _lock: Option<File>,
}

struct Inner {
    anchor: Option<Anchor>,
    records: KeptRecords,
    log: Option<Log>,
}

impl Store {
    /// Opens or makes `dir`; in memory without one.
    pub fn open(dir: Option<&Path>, limits: &Limits) -> Result<Self, StoreError> {
        let mut records = KeptRecords::new(limits.kept_judgements);
        let Some(dir) = dir else {
            let inner = Mutex::new(Inner { anchor: None, records, log: None });
            let through = watch::Sender::new(0);
            let drawn = DrawnRows::default();
            return Ok(Self { inner, evidence: None, samples: None, drawn, dir: None, through, _lock: None });
        };
        std::fs::create_dir_all(dir).map_err(file::io(dir))?;
        let lock = file::lock(dir)?;
        let anchor = file::read_json(&anchor_path(dir))?;
        let log = Log::open(&dir.join("judgements.jsonl"), |entry| match entry {
            Entry::Record(record) => records.insert(*record),
            Entry::Forgotten(forgotten) => records.resume(forgotten),
        })?;
        let through = watch::Sender::new(records.through().map_or(0, |record| record.judgement.height));
        let samples = match limits.kept_sample_bytes {
            0 => None,
            limit => Some(Samples::open(&dir.join("samples"), limit)?),
        };
        Ok(Self {
            inner: Mutex::new(Inner { anchor, records, log: Some(log) }),
            evidence: Some(Evidence::new(dir.join("evidence"))),
            samples,
            drawn: DrawnRows::default(),
            dir: Some(dir.to_owned()),
            through,
            _lock: Some(lock),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it outlives the process.
    pub const fn is_durable(&self) -> bool {
        self.dir.is_some()
    }

    /// Whom the client trusts, once that is settled.
    pub fn anchor(&self) -> Option<Anchor> {
        self.inner().anchor
    }

    /// Settles whom the client trusts.
    pub fn set_anchor(&self, anchor: Anchor) -> Result<(), StoreError> {
        let mut inner = self.inner();
        if inner.anchor != Some(anchor) {
            if let Some(dir) = &self.dir {
                file::write_json(&anchor_path(dir), &anchor)?;
            }
            inner.anchor = Some(anchor);
        }
        Ok(())
    }

    /// The newest header up to which all linked headers are judged.
    pub fn through(&self) -> Option<SignedHeader> {
        self.inner().records.through().map(|record| record.header)
    }

    /// The height of that header, 0 for none, and a notice of each change.
    pub fn watch_through(&self) -> watch::Receiver<u64> {
        self.through.subscribe()
    }

    /// The confidence over all linked heights that were ever judged here.
    pub fn chain_confidence(&self) -> Option<ChainConfidence> {
        self.inner().records.confidence()
    }

    /// The same over the heights from one to another, both included, as far as they were judged.
    pub fn confidence_between(&self, from_height: u64, to_height: u64) -> Option<ChainConfidence> {
        self.inner().records.confidence_between(from_height, to_height)
    }

    /// Judgements kept from a height on, ascending, at most `count`.
    pub fn judgements_from(&self, height: u64, count: usize) -> Vec<Judgement> {
        self.inner().records.from(height).take(count).map(|record| record.judgement.clone()).collect()
    }

    /// Judgements of linked heights without a gap, from a height on, ascending, at most `count`; `None` if the height
    /// lies below those kept.
    pub fn run_from(&self, height: u64, count: usize) -> Option<Vec<Judgement>> {
        let inner = self.inner();
        let through = inner.records.through().map_or(0, |record| record.judgement.height);
        if inner.records.run_start().is_some_and(|start| height < start) {
            return None;
        }
        let run = inner.records.from(height).take_while(|record| record.judgement.height <= through);
        Some(run.take(count).map(|record| record.judgement.clone()).collect())
    }

    /// What is known of a height.
    pub fn get(&self, height: u64) -> Option<Record> {
        self.inner().records.get(height).cloned()
    }

    /// The newest judgements, newest first.
    pub fn recent(&self, count: usize) -> Vec<Judgement> {
        self.inner().records.newest().take(count).map(|record| record.judgement.clone()).collect()
    }

    /// Heights whose verdict may still change, lowest first, at most `count`.
    pub fn open_records(&self, count: usize) -> Vec<Record> {
        self.inner().records.open().take(count).cloned().collect()
    }

    /// How many of them there are.
    pub fn open_count(&self) -> usize {
        self.inner().records.open_count()
    }

    /// Sums over the judgements kept, up to a height.
    pub fn totals(&self, up_to_height: u64) -> Totals {
        self.inner().records.totals(up_to_height)
    }

    /// Blocks up to a height that may not be relied on, lowest first, at most `count`.
    pub fn not_available(&self, up_to_height: u64, count: usize) -> Vec<Judgement> {
        let inner = self.inner();
        let bad = inner.records.oldest_first().map(|record| &record.judgement);
        let bad = bad.take_while(|judgement| judgement.height <= up_to_height);
        bad.filter(|judgement| !judgement.verdict.is_available()).take(count).cloned().collect()
    }

    /// Remembers judgements, durably. Linked ones must come in the order of their heights.
    pub fn append(&self, records: Vec<Record>) -> Result<(), StoreError> {
        let mut inner = self.inner();
        if let Some(log) = &mut inner.log {
            log.append(&records)?;
        }
        records.into_iter().for_each(|record| inner.records.insert(record));
        let Inner { records, log, .. } = &mut *inner;
        let through = records.through().map_or(0, |record| record.judgement.height);
        let rewritten = match log {
            Some(log) if log.lines() > records.limit().saturating_mul(2) => {
                log.rewrite(records.forgotten(), records.oldest_first())
            }
            _ => Ok(()),
        };
        self.through.send_if_modified(|known| std::mem::replace(known, through) != through);
        rewritten
    }

    /// Keeps what a judgement rests on: the proof of a wrong encoding, and the rows if samples are kept.
    pub fn keep_rows(&self, judged: &Judged) -> Result<(), StoreError> {
        self.drawn.note(judged);
        if let (Some(evidence), Some(row)) = (&self.evidence, &judged.wrong_row) {
            let path = evidence.wrong_encoding(judged, row)?;
            tracing::error!(height = judged.judgement.height, ?path, "kept the proof of a wrong encoding");
        }
        self.samples.as_ref().map_or(Ok(()), |samples| samples.keep(judged))
    }

    /// Keeps the proof that the signer contradicted itself; says where.
    pub fn keep_fork(&self, fork: &Fork) -> Result<Option<PathBuf>, StoreError> {
        self.evidence.as_ref().map_or(Ok(None), |evidence| evidence.fork(fork))
    }

    /// Numbers of the rows that were sampled of a height, as far as that is remembered.
    pub fn sampled_rows(&self, height: u64) -> Option<Vec<u32>> {
        let kept = || Some(self.samples(height)?.rows.iter().map(VerifiedRow::index).collect());
        self.drawn.get(height).or_else(kept)
    }

    /// The rows kept of a height, verified again; `None` if there are none, or they do not verify.
    pub fn samples(&self, height: u64) -> Option<StoredSamples> {
        self.samples.as_ref()?.load(height)
    }
}

fn anchor_path(dir: &Path) -> PathBuf {
    dir.join("trust.json")
}
