//! Judging one block: what is asked for, and what the answers make of it.
//!
//! Which rows are asked for follows from the header and a seed alone, so
//! digests and rows can be asked for at once and a block takes one round trip.
//! Rows go in as they come; when all are in or given up, [`Judging::go_on`] says
//! whether more are needed. A block so small that sampling would cost as much
//! is asked for whole and encoded again; if its rows do not fit, it is sampled
//! after all, which tells a forging node from a dishonest producer.
//!
//! A block that was not available is judged again with the *same* seed: with a
//! new one each time, a withholder would only have to wait for a lucky draw.

use std::collections::BTreeMap;

use weft_da::rebuild::FullFault;
use weft_da::row::{RowFault, RowProof};
use weft_da::sampling::draw;
use weft_da::{Confidence, Header, Plan, Schedule, Session, Target, VerifiedDigests, VerifiedHeader};

use crate::judgement::Verdict;

/// Decides which rows are drawn.
pub type Seed = [u8; 32];

/// What to do when no row is on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask for these rows too.
    Ask(Vec<u32>),
    /// Nothing: the verdict is made.
    Done,
}

/// The judging of one block.
#[derive(Clone, Debug)]
pub struct Judging {
    header: VerifiedHeader,
    target: Target,
    seed: Seed,
    session: Option<Session>,
    rows: BTreeMap<u32, RowProof>,
    wrong_row: Option<RowProof>,
    /// Some node sent digests that the header does not commit to.
    forged_digests: bool,
    /// Some node answered, in whatever way.
    reached: bool,
    /// All original rows are in, and are the committed ones.
    whole: bool,
    wrong_index: bool,
}

impl Judging {
    /// Begins. The seed must be drawn after the header was seen, and be known to nobody who serves rows.
    pub const fn new(header: VerifiedHeader, target: Target, seed: Seed) -> Self {
        Self {
            header,
            target,
            seed,
            session: None,
            rows: BTreeMap::new(),
            wrong_row: None,
            forged_digests: false,
            reached: false,
            whole: false,
            wrong_index: false,
        }
    }

    fn header(&self) -> &Header {
        self.header.header()
    }

    /// Rows to ask for at once, before the digests are known.
    pub fn first_rows(&self) -> Vec<u32> {
        let shape = &self.header().shape;
        match Plan::choose(self.header(), &self.target) {
            Plan::Sample { count } => draw(&self.seed, self.header.hash(), shape.rows() as u32, count),
            Plan::DownloadAll => (0..shape.k() as u32).collect(),
        }
    }

    /// Some node could be reached.
    pub const fn reached(&mut self) {
        self.reached = true;
    }

    /// Some node sent digests other than the committed ones.
    pub const fn forged_digests(&mut self) {
        self.forged_digests = true;
    }

    /// The digests are there: rows can be judged.
    pub fn digests(&mut self, digests: VerifiedDigests) {
        self.session = Some(Session::new(self.header.header(), digests, self.target, self.seed));
    }

    /// Takes a row. `None` while the digests are not there. After [`RowFault::is_wrong_encoding`] the block is
    /// condemned; after another fault the row is still open, for another node.
    pub fn row(&mut self, proof: RowProof) -> Option<Result<Confidence, RowFault>> {
        let session = self.session.as_mut()?;
        Some(match session.accept(&proof) {
            Ok(_) => {
                self.rows.insert(proof.index, proof);
                Ok(session.confidence())
            }
            Err(fault) => {
                if fault.is_wrong_encoding() {
                    self.wrong_row.get_or_insert(proof);
                }
                Err(fault)
            }
        })
    }

    /// No node gives this row.
    pub fn give_up(&mut self, row: u32) {
        if let Some(session) = &mut self.session {
            session.missing(row);
        }
    }

    /// Whether the block is condemned by a row, so that nothing more need be asked.
    pub const fn is_condemned(&self) -> bool {
        self.wrong_row.is_some()
    }

    /// To be called when no row is on the way. Encodes the block again if all of it is in.
    pub fn go_on(&mut self) -> Next {
        let Some(session) = self.session.as_mut() else { return Next::Done };
        if session.plan() != Plan::DownloadAll || self.wrong_row.is_some() {
            return Next::Done;
        }
        let shape = self.header.header().shape;
        let originals: Vec<u8> =
            self.rows.values().take(shape.k()).flat_map(|proof| proof.row.iter().copied()).collect();
        if originals.len() == shape.originals_len() {
            match session.accept_full(&originals, Schedule::Sequential) {
                Ok(_) => {
                    self.whole = true;
                    return Next::Done;
                }
                // The rows are the committed ones (their paths say so), so the index is the producer's lie.
                Err(FullFault::Index(_)) => {
                    (self.whole, self.wrong_index) = (true, true);
                    return Next::Done;
                }
                Err(_) => {}
            }
        }
        session.sample_instead();
        for row in session.requests() {
            if let Some(known) = self.rows.get(&row) {
                // Verified before; a row that verifies once does so again.
                let _ = session.accept(known);
            }
        }
        Next::Ask(session.requests())
    }

    /// The verdict, as things stand.
    pub fn verdict(&self) -> Verdict {
        use weft_da::Verdict as Sampled;
        let Some(session) = &self.session else {
            return match (self.forged_digests, self.reached) {
                (true, _) => Verdict::Tampered { row: None },
                (false, true) => Verdict::Unavailable { missing_rows: Vec::new(), missing_digests: true },
                (false, false) => Verdict::Undecided,
            };
        };
        if self.wrong_index {
            return Verdict::WrongIndex;
        }
        let missing = |missing_rows| Verdict::Unavailable { missing_rows, missing_digests: false };
        match session.verdict() {
            Sampled::Available if session.confidence().reaches(&self.target) => Verdict::Available,
            Sampled::WrongEncoding { row } => Verdict::WrongEncoding { row },
            Sampled::Tampered { row } => Verdict::Tampered { row: Some(row) },
            Sampled::Unavailable { missing: rows } => missing(rows),
            Sampled::Available | Sampled::Pending => missing(session.requests()),
        }
    }

    /// How sure the rows make.
    pub fn confidence(&self) -> Confidence {
        if self.whole {
            return Confidence::whole(self.header().shape.k() as u32);
        }
        let nothing = Confidence { available: 0.0, encoded: 0.0, samples: 0 };
        self.session.as_ref().map_or(nothing, Session::confidence)
    }

    /// What it rests on: the rows that verified by index, and the row that condemns the block.
    pub fn into_rows(self) -> (Vec<RowProof>, Option<RowProof>) {
        (self.rows.into_values().collect(), self.wrong_row)
    }
}
