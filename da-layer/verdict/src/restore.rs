//! Bringing back a part of a block's payload from rows that verify.
//!
//! The code is systematic, so at first exactly the original rows are wanted
//! that the bytes lie in. If nobody gives one of them, any `k` rows of the block
//! do, those that are there already included: then all others are wanted too,
//! until `k` are in or more than `3k` are lost. Every row is judged by path and
//! digest, so it does not matter who gave it. That the bytes are what the caller
//! looks for (a blob, the index) is the caller's to check.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use weft_da::rebuild::RebuildFault;
use weft_da::row::{RowFault, RowProof};
use weft_da::{Header, Schedule, VerifiedDigests, VerifiedRow, rebuild, rows_of};

/// How far a restoring is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreProgress {
    /// Rows that are in and count.
    pub rows: usize,
    /// Rows that are needed: those of the part, or `k` of any.
    pub needed: usize,
    /// Rows that nobody gives.
    pub lost: usize,
    /// Whether any `k` rows are collected because the right ones are not to be had.
    pub rebuilding: bool,
}

/// Why rows do not bring the bytes back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreFault {
    /// The range is not within the payload.
    #[error("bytes {offset} to {end} are not within a payload of {total_len}")]
    OutOfRange {
        /// First byte.
        offset: u64,
        /// First byte after.
        end: u64,
        /// Length of the payload.
        total_len: u64,
    },
    /// Too few rows were to be had.
    #[error(
        "of the {wanted} rows that hold these bytes {missing} are not to be had, and of the {needed} rows that would \
         rebuild the block only {found} are: {} more are missing", needed - found
    )]
    TooFewRows {
        /// Rows that the bytes lie in.
        wanted: usize,
        /// Of these, not to be had.
        missing: usize,
        /// Rows of the block that are in.
        found: usize,
        /// Rows that rebuild the block.
        needed: usize,
    },
    /// The rows do not decode; a defect, because each was verified.
    #[error(transparent)]
    Rebuild(#[from] RebuildFault),
}

/// The restoring of one part of a payload.
#[derive(Clone, Debug)]
pub struct Restore {
    header: Header,
    digests: VerifiedDigests,
    offset: u64,
    length: u64,
    /// The original rows that the part lies in.
    part: Range<u32>,
    rows: BTreeMap<u32, VerifiedRow>,
    /// How many of them are of the part.
    own: usize,
    lost: BTreeSet<u32>,
    /// Whether a row of the part is lost.
    rebuilding: bool,
}

impl Restore {
    /// Of `length` bytes of the payload from `offset` on.
    pub fn new(header: &Header, digests: VerifiedDigests, offset: u64, length: u64) -> Result<Self, RestoreFault> {
        let total_len = header.shape.total_len();
        let end = offset.checked_add(length).filter(|end| *end <= total_len);
        end.ok_or(RestoreFault::OutOfRange { offset, end: offset.saturating_add(length), total_len })?;
        let part = rows_of(&header.shape, offset, length);
        let (rows, lost) = (BTreeMap::new(), BTreeSet::new());
        Ok(Self { header: *header, digests, offset, length, part, rows, own: 0, lost, rebuilding: false })
    }

    /// Uses a row that was verified before. Rows of other blocks are left alone.
    pub fn keep(&mut self, row: VerifiedRow) {
        if row.row_root() == self.header.row_root {
            self.insert(row);
        }
    }

    fn insert(&mut self, row: VerifiedRow) {
        let index = row.index();
        if self.rows.insert(index, row).is_none() && self.part.contains(&index) {
            self.own += 1;
        }
    }

    /// Judges a row and takes it. A row that the producer encoded wrongly is lost: there is no right one.
    pub fn row(&mut self, proof: &RowProof) -> Result<(), RowFault> {
        let verified = self.digests.verify_row(proof);
        if verified.as_ref().is_err_and(RowFault::is_wrong_encoding) {
            self.lost(proof.index);
        }
        self.insert(verified?);
        Ok(())
    }

    /// Nobody gives this row.
    pub fn lost(&mut self, row: u32) {
        if !self.rows.contains_key(&row) {
            self.lost.insert(row);
            self.rebuilding |= self.part.contains(&row);
        }
    }

    /// Whether any `k` rows are wanted, because one of the part is lost.
    pub const fn is_rebuilding(&self) -> bool {
        self.rebuilding
    }

    /// Rows to ask for, beside those that were asked for before: the part's own, and all others as soon as one of them
    /// is lost.
    pub fn wanted(&self) -> Vec<u32> {
        let all = if self.rebuilding { 0..self.header.shape.rows() as u32 } else { self.part.clone() };
        all.filter(|row| !self.rows.contains_key(row) && !self.lost.contains(row)).collect()
    }

    /// How far it is.
    pub fn progress(&self) -> RestoreProgress {
        let (rows, needed) = match self.rebuilding {
            true => (self.rows.len(), self.header.shape.k()),
            false => (self.own, self.part.len()),
        };
        RestoreProgress { rows: rows.min(needed), needed, lost: self.lost.len(), rebuilding: self.rebuilding }
    }

    /// Rows that are still missing; 0 if there are enough.
    pub fn short(&self) -> usize {
        let RestoreProgress { rows, needed, .. } = self.progress();
        if self.own == self.part.len() { 0 } else { needed - rows }
    }

    /// Whether so many rows are lost that no others can make up for them.
    pub fn is_impossible(&self) -> bool {
        self.rebuilding && self.header.shape.rows() - self.lost.len() < self.header.shape.k()
    }

    /// The bytes. Decodes and encodes the whole block if rows of the part are missing.
    pub fn finish(&self, schedule: Schedule) -> Result<Vec<u8>, RestoreFault> {
        let row_len = self.header.shape.row_len() as u64;
        let own: Vec<&VerifiedRow> = self.rows.range(self.part.clone()).map(|(_, row)| row).collect();
        if own.len() == self.part.len() {
            let bytes: Vec<u8> = own.into_iter().flat_map(|row| row.bytes().iter().copied()).collect();
            return Ok(self.cut(bytes, u64::from(self.part.start) * row_len));
        }
        match rebuild(&self.header, self.rows.values(), schedule) {
            Ok(encoded) => Ok(self.cut(encoded.originals().to_vec(), 0)),
            // All rows used agree with the digests, and so lie on the one codeword that these certify.
            Err(RebuildFault::WrongEncoding { originals }) => Ok(self.cut(originals, 0)),
            Err(RebuildFault::TooFewRows { found, needed }) => {
                let (wanted, missing) = (self.part.len(), self.part.len() - own.len());
                Err(RestoreFault::TooFewRows { wanted, missing, found, needed })
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// All good rows, for another part of the same block.
    pub fn into_rows(self) -> Vec<VerifiedRow> {
        self.rows.into_values().collect()
    }

    /// The part, of bytes that begin at `start` of the payload.
    fn cut(&self, mut bytes: Vec<u8>, start: u64) -> Vec<u8> {
        bytes.drain(..(self.offset - start) as usize);
        bytes.truncate(self.length as usize);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use proptest::prelude::*;
    use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, adversary};
    use weft_primitives::Namespace;

    use super::*;

    fn packed(len: usize) -> Packed {
        let data: Vec<u8> = (0..len).map(|at| (at * 7 / 3) as u8).collect();
        Packed::new(&[Blob::new(Namespace([1; 32]), &data)], 1 << 20).expect("fits")
    }

    fn header(block: &EncodedBlock) -> Header {
        block.header(ChainPosition { network_id: 1, height: 1, prev_hash: B256::ZERO, time_ms: 0 })
    }

    fn restore(block: &EncodedBlock, offset: u64, length: u64) -> Restore {
        let header = header(block);
        let digests = VerifiedDigests::verify(&header, block.rows().digest_bytes()).expect("its own");
        Restore::new(&header, digests, offset, length).expect("in range")
    }

    /// Asks until it is done; rows for which `served` says no are lost. Rows asked for.
    fn run(restore: &mut Restore, block: &EncodedBlock, served: impl Fn(u32) -> bool) -> usize {
        let mut asked = BTreeSet::new();
        loop {
            let wanted = restore.wanted();
            if restore.short() == 0 || restore.is_impossible() || wanted.is_empty() {
                return asked.len();
            }
            let row = *wanted.iter().find(|row| !asked.contains(*row)).expect("a row that was not asked for");
            asked.insert(row);
            if served(row) { restore.row(&block.row(row).expect("a row")).expect("good") } else { restore.lost(row) }
        }
    }

    #[test]
    fn asks_only_for_the_rows_of_the_part() {
        let block = EncodedBlock::encode(packed(50_000), Schedule::Sequential);
        let row_len = block.shape().row_len() as u64;
        let mut part = restore(&block, 5 * row_len + 1, 2 * row_len);
        assert_eq!(part.wanted(), [5, 6, 7]);
        assert_eq!(run(&mut part, &block, |_| true), 3);
        let bytes = part.finish(Schedule::Sequential).expect("all rows");
        let from = (5 * row_len + 1) as usize;
        assert_eq!(bytes, block.rows().payload()[from..from + 2 * row_len as usize]);
        let header = header(&block);
        let digests = VerifiedDigests::verify(&header, block.rows().digest_bytes()).expect("its own");
        assert!(matches!(Restore::new(&header, digests, u64::MAX, 2), Err(RestoreFault::OutOfRange { .. })));
    }

    #[test]
    fn says_how_many_rows_are_missing() {
        let block = EncodedBlock::encode(packed(50_000), Schedule::Sequential);
        let mut part = restore(&block, 0, 50_000);
        // 63 of the 64 that would do.
        run(&mut part, &block, |row| row >= 256 - 63);
        assert!(part.is_impossible());
        let fault = part.finish(Schedule::Sequential).expect_err("too few");
        assert!(matches!(fault, RestoreFault::TooFewRows { found, needed: 64, .. } if found <= 63), "{fault}");
        assert!(fault.to_string().contains("more are missing"), "{fault}");
    }

    #[test]
    fn a_wrong_encoding_costs_only_its_own_rows() {
        let honest = EncodedBlock::encode(packed(50_000), Schedule::Sequential);
        let block = adversary::wrong_encoding(packed(50_000), &[3, 4, 90]);
        let mut part = restore(&block, 80, 49_000);
        let mut asked = BTreeSet::new();
        while part.short() > 0 {
            let row = *part.wanted().iter().find(|row| !asked.contains(*row)).expect("more rows");
            asked.insert(row);
            let judged = part.row(&block.row(row).expect("a row"));
            assert_eq!(judged.is_err(), [3, 4, 90].contains(&row));
        }
        let bytes = part.finish(Schedule::Sequential).expect("64 good rows");
        assert_eq!(bytes, honest.rows().payload()[80..49_080]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Any quarter of the rows brings back any part, and nothing less does, unless it has the part's own rows.
        #[test]
        fn any_quarter_is_enough(
            len in prop_oneof![200usize..2_000, 66_000usize..90_000],
            from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(),
            served in 0u32..=256, shift in 0u32..1_024, kept in 0u32..8,
        ) {
            let block = EncodedBlock::encode(packed(len), Schedule::Sequential);
            let total = block.shape().total_len() as usize;
            let (a, b) = (from.index(total), to.index(total));
            let (from, to) = (a.min(b), a.max(b) + 1);
            let rows = block.shape().rows() as u32;
            let served = served * rows / 256;
            let is_served = |row: u32| (row * 37 + shift) % rows < served;
            let mut part = restore(&block, from as u64, (to - from) as u64);
            let header = header(&block);
            let digests = VerifiedDigests::verify(&header, block.rows().digest_bytes()).expect("its own");
            let kept: Vec<u32> = (0..kept).map(|at| at * 31 % rows).collect();
            for row in &kept {
                part.keep(digests.verify_row(&block.row(*row).expect("a row")).expect("good"));
            }
            run(&mut part, &block, is_served);
            let there = |row: u32| is_served(row) || kept.contains(&row);
            let own = rows_of(block.shape(), from as u64, (to - from) as u64).all(there);
            let enough = (0..rows).filter(|row| there(*row)).count() >= block.shape().k();
            match part.finish(Schedule::Sequential) {
                Ok(bytes) => prop_assert!(bytes == block.rows().payload()[from..to]),
                Err(fault) => prop_assert!(!own && !enough, "{}", fault),
            }
            prop_assert_eq!(own || enough, part.short() == 0);
        }
    }
}
