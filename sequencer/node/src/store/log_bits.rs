//! An index of events: which blocks may have one that matches, for sections of blocks at once.
//!
//! A block's bloom filter has 2,048 bits. Once a section of blocks is complete, their filters are turned: for each bit
//! there is one row that says which of the blocks have it. A search reads the few rows of what it looks for instead of
//! every block's filter: a million blocks are 245 sections, each a handful of reads. Until then each block's own filter
//! is kept, from which a node that starts goes on.
//!
//! It all goes to disk with the block that it is about. A section of which filters are missing, because a version
//! before this one wrote its first blocks, is never complete: it is searched block by block.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, PoisonError};

use super::{Family, Kv, StoreError, Write};

/// A bloom filter.
pub type Bloom = [u8; 256];

/// Blocks in a section.
pub const SECTION_BLOCKS: u64 = 4_096;

/// Bytes of a row: a bit a block.
const ROW_BYTES: usize = (SECTION_BLOCKS / 8) as usize;

/// Bits of a bloom filter, and rows of a section.
const BITS: u16 = 2_048;

/// Stands for a row that says that all others are there.
const COMPLETE: u16 = u16::MAX;

/// Which blocks of a section may match: a bit a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(Box<[u8; ROW_BYTES]>);

impl Row {
    fn filled(byte: u8) -> Self {
        Self(Box::new([byte; ROW_BYTES]))
    }

    /// Every block.
    pub fn all() -> Self {
        Self::filled(u8::MAX)
    }

    /// No block.
    pub fn none() -> Self {
        Self::filled(0)
    }

    /// Blocks in both.
    pub fn and(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(one, other)| *one &= other);
        self
    }

    /// Blocks in one of them.
    pub fn or(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(one, other)| *one |= other);
        self
    }

    fn set(&mut self, at: usize) {
        self.0[at / 8] |= 0x80 >> (at % 8);
    }

    /// The blocks, as positions in the section, in order.
    pub fn positions(&self) -> impl Iterator<Item = u64> + '_ {
        let bits = |(byte, bits): (usize, &u8)| {
            let bits = *bits;
            (0..8).filter(move |bit| bits & (0x80 >> bit) != 0).map(move |bit| (byte * 8 + bit) as u64)
        };
        self.0.iter().enumerate().filter(|(_, bits)| **bits != 0).flat_map(bits)
    }
}

/// The section that new blocks go to.
#[derive(Debug)]
struct Open {
    section: u64,
    /// Blocks that are in it, in order from its first.
    blocks: u64,
    /// By bit of the filter. Without them the section can not be completed.
    rows: Option<Vec<Row>>,
}

/// Writes the index, block by block.
#[derive(Debug, Default)]
pub(super) struct LogBits(Mutex<Option<Open>>);

fn key(section: u64, row: u16) -> Vec<u8> {
    [&section.to_be_bytes()[..], &row.to_be_bytes()].concat()
}

fn put(family: Family, key: Vec<u8>, value: Vec<u8>) -> Write {
    Write { family, key, value: Some(value) }
}

impl Open {
    /// The section of a block, with the filters of the blocks before it.
    fn before(kv: &dyn Kv, number: u64) -> Result<Self, StoreError> {
        let (section, blocks) = (number / SECTION_BLOCKS, number % SECTION_BLOCKS);
        let mut open = Self { section, blocks: 0, rows: Some(vec![Row::none(); usize::from(BITS)]) };
        let first = section * SECTION_BLOCKS;
        for (at, bloom) in kv.scan(Family::Bloom, &first.to_be_bytes(), blocks as usize)? {
            let bloom: Bloom = bloom.try_into().map_err(|_| StoreError::Damaged { what: "bloom filter" })?;
            if at == (first + open.blocks).to_be_bytes() {
                open.add(&bloom);
            }
        }
        if open.blocks != blocks {
            open = Self { blocks, rows: None, ..open };
        }
        Ok(open)
    }

    fn add(&mut self, bloom: &Bloom) {
        let at = self.blocks as usize;
        self.blocks += 1;
        let Some(rows) = &mut self.rows else { return };
        for (row, bits) in rows.chunks_mut(8).zip(bloom).filter(|(_, bits)| **bits != 0) {
            row.iter_mut().enumerate().filter(|(bit, _)| bits & (0x80 >> bit) != 0).for_each(|(_, row)| row.set(at));
        }
    }
}

impl LogBits {
    /// Adds a block, the next after the last one, and what has to be written with it.
    pub(super) fn add(
        &self,
        kv: &dyn Kv,
        number: u64,
        bloom: &Bloom,
        writes: &mut Vec<Write>,
    ) -> Result<(), StoreError> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let follows = |open: &Open| open.section * SECTION_BLOCKS + open.blocks == number;
        let mut open = match slot.take().filter(follows) {
            Some(open) => open,
            None => Open::before(kv, number)?,
        };
        open.add(bloom);
        if open.blocks < SECTION_BLOCKS {
            writes.push(put(Family::Bloom, number.to_be_bytes().to_vec(), bloom.to_vec()));
            *slot = Some(open);
            return Ok(());
        }
        let Open { section, rows, .. } = open;
        let first = section * SECTION_BLOCKS;
        let gone = |number: u64| Write { family: Family::Bloom, key: number.to_be_bytes().to_vec(), value: None };
        writes.extend((first..number).map(gone));
        if let Some(rows) = rows {
            let filled = (0..).zip(&rows).filter(|(_, row)| **row != Row::none());
            writes.extend(filled.map(|(bit, row)| put(Family::LogBits, key(section, bit), row.0.to_vec())));
            writes.push(put(Family::LogBits, key(section, COMPLETE), Vec::new()));
        }
        *slot = Some(Open { section: section + 1, blocks: 0, rows: Some(vec![Row::none(); usize::from(BITS)]) });
        Ok(())
    }

    /// What has to be written when the blocks after `to`, up to `latest`, are taken back: their sections do not count as
    /// complete any longer. One whose filters are gone is searched block by block from then on.
    pub(super) fn forget(to: u64, latest: u64, writes: &mut Vec<Write>) {
        let sections = (to + 1) / SECTION_BLOCKS..=latest / SECTION_BLOCKS;
        writes.extend(sections.map(|section| Write {
            family: Family::LogBits,
            key: key(section, COMPLETE),
            value: None,
        }));
        let bloom = |number: u64| Write { family: Family::Bloom, key: number.to_be_bytes().to_vec(), value: None };
        writes.extend((to + 1..=latest).map(bloom));
    }
}

/// The bits that a value sets in a bloom filter: three at most.
pub type Wanted = Vec<u16>;

/// The bits that are set in a filter.
pub fn bits_of(bloom: &Bloom) -> Wanted {
    (0..BITS).filter(|bit| bloom[usize::from(bit / 8)] & (0x80 >> (bit % 8)) != 0).collect()
}

/// The blocks of a section that may have an event for which each of `all` has one whose bits are set; `None` if the
/// section is not complete.
pub(super) fn search(kv: &dyn Kv, section: u64, all: &[Vec<Wanted>]) -> Result<Option<Row>, StoreError> {
    if kv.get(Family::LogBits, &key(section, COMPLETE))?.is_none() {
        return Ok(None);
    }
    let read = |bit: u16| -> Result<Row, StoreError> {
        let Some(bytes) = kv.get(Family::LogBits, &key(section, bit))? else { return Ok(Row::none()) };
        let bytes: Box<[u8; ROW_BYTES]> =
            bytes.try_into().map_err(|_| StoreError::Damaged { what: "row of the index of events" })?;
        Ok(Row(bytes))
    };
    // A filter may name thousands of addresses, but there are 2,048 rows.
    let mut rows: BTreeMap<u16, Row> = BTreeMap::new();
    let mut found = Row::all();
    for any in all {
        let mut either = Row::none();
        for bits in any {
            let mut one = found.clone();
            for bit in bits {
                let row = match rows.entry(*bit) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => place.insert(read(*bit)?),
                };
                one = one.and(row);
            }
            either = either.or(&one);
        }
        found = either;
        if found == Row::none() {
            break;
        }
    }
    Ok(Some(found))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::{KvView, MemoryKv};

    /// One block in 97 has an event of one of 50 kinds.
    fn bloom(number: u64) -> Bloom {
        let mut bloom = [0; 256];
        if number % 97 == 3 {
            kind(number % 50).into_iter().for_each(|bit| bloom[usize::from(bit / 8)] |= 0x80 >> (bit % 8));
        }
        bloom
    }

    fn kind(of: u64) -> Wanted {
        vec![(of * 37 % 2_048) as u16, (of * 101 % 2_048) as u16, (of * 997 % 2_048) as u16]
    }

    fn write(kv: &MemoryKv, index: &LogBits, numbers: std::ops::Range<u64>) {
        for number in numbers {
            let mut writes = Vec::new();
            index.add(kv, number, &bloom(number), &mut writes).unwrap();
            kv.write(writes, true).unwrap();
        }
    }

    fn found(kv: &MemoryKv, section: u64, all: &[Vec<Wanted>]) -> Option<Vec<u64>> {
        search(kv, section, all).unwrap().map(|row| row.positions().collect())
    }

    fn wanted(section: u64, matches: impl Fn(u64) -> bool) -> Vec<u64> {
        (0..SECTION_BLOCKS).filter(|at| matches(section * SECTION_BLOCKS + at)).collect()
    }

    fn has(number: u64, of: u64) -> bool {
        let bloom = bloom(number);
        kind(of).iter().all(|bit| bits_of(&bloom).contains(bit))
    }

    #[test]
    fn rows_are_the_filters_turned() {
        let kv = MemoryKv::default();
        write(&kv, &LogBits::default(), 0..2 * SECTION_BLOCKS + 10);
        for section in [0, 1] {
            let of = |all: &[Vec<Wanted>]| found(&kv, section, all).unwrap();
            assert_eq!(of(&[vec![kind(7)]]), wanted(section, |number| has(number, 7)));
            let either = wanted(section, |number| has(number, 7) || has(number, 9));
            assert_eq!(of(&[vec![kind(7), kind(9)]]), either);
            assert_eq!(of(&[vec![kind(7)], vec![kind(9)]]), wanted(section, |number| has(number, 7) && has(number, 9)));
            assert_eq!(of(&[]).len() as u64, SECTION_BLOCKS);
        }
        assert_eq!(found(&kv, 2, &[]), None, "not complete");
        assert_eq!(kv.scan(Family::Bloom, &[], usize::MAX).unwrap().len(), 10, "those of complete sections go");
    }

    #[test]
    fn goes_on_after_a_restart_and_not_after_a_gap() {
        let kv = MemoryKv::default();
        write(&kv, &LogBits::default(), 0..1_000);
        write(&kv, &LogBits::default(), 1_000..SECTION_BLOCKS);
        assert_eq!(found(&kv, 0, &[vec![kind(7)]]).unwrap(), wanted(0, |number| has(number, 7)));
        // A version before this one wrote the first blocks.
        let kv = MemoryKv::default();
        let index = LogBits::default();
        write(&kv, &index, 500..2 * SECTION_BLOCKS);
        assert_eq!(found(&kv, 0, &[]), None);
        assert_eq!(found(&kv, 1, &[vec![kind(7)]]).unwrap(), wanted(1, |number| has(number, 7)));
        assert!(kv.scan(Family::Bloom, &[], 1).unwrap().is_empty());
    }

    /// A search over a million blocks; how long it takes is printed.
    #[test]
    fn a_million_blocks() {
        let (kv, index, sections) = (MemoryKv::default(), LogBits::default(), 245);
        write(&kv, &index, 0..sections * SECTION_BLOCKS);
        let start = std::time::Instant::now();
        let rare = kind(49);
        let count: usize = (0..sections).map(|section| found(&kv, section, &[vec![rare.clone()]]).unwrap().len()).sum();
        println!("{count} of {} blocks found in {:?}", sections * SECTION_BLOCKS, start.elapsed());
        let expected =
            (0..sections * SECTION_BLOCKS).filter(|number| number % 97 == 3).filter(|number| has(*number, 49));
        assert_eq!(count, expected.count());
    }
}
