//! Blocks that a dishonest producer would make, for the tests of verifiers.
//!
//! They are committed to and signed like honest ones, so only the checks of
//! this crate can tell. Nothing of the node or the light client uses this module.

use crate::block::{EncodedBlock, EncodedRows};
use crate::layout::Packed;
use crate::schedule::Schedule;

/// A block that commits to a matrix in which the given rows are not those of
/// the code, with the digests of the honest original rows. Indices beyond the
/// matrix are ignored. Every proof of every row leads to the row root.
pub fn wrong_encoding(packed: Packed, wrong_rows: &[u32]) -> EncodedBlock {
    let shape = *packed.shape();
    let index = packed.index().clone();
    let honest = EncodedBlock::encode(packed, Schedule::Parallel);
    let mut matrix = honest.rows().matrix().to_vec();
    for row in wrong_rows.iter().filter(|row| (**row as usize) < shape.rows()) {
        matrix[*row as usize * shape.row_len()] ^= 1;
    }
    let honest_originals = honest.rows().originals();
    let rows = EncodedRows::commit_with_digests_of(shape, &matrix, honest_originals, Schedule::Parallel);
    EncodedBlock::from_parts(rows, index)
}

/// A block that commits to digests other than those of its rows.
pub fn wrong_digests(packed: Packed) -> EncodedBlock {
    let shape = *packed.shape();
    let index = packed.index().clone();
    let honest = EncodedBlock::encode(packed, Schedule::Parallel);
    let mut lie = honest.rows().originals().to_vec();
    lie[0] ^= 1;
    let rows = EncodedRows::commit_with_digests_of(shape, honest.rows().matrix(), &lie, Schedule::Parallel);
    EncodedBlock::from_parts(rows, index)
}

/// A block that commits to a whole codeword shifted by one row, with the digests of its own first `k` rows: so these
/// agree, and all others do not.
pub fn shifted(packed: Packed) -> EncodedBlock {
    let shape = *packed.shape();
    let index = packed.index().clone();
    let mut matrix = EncodedBlock::encode(packed, Schedule::Parallel).rows().matrix().to_vec();
    matrix.rotate_left(shape.row_len());
    let first = &matrix[..shape.originals_len()];
    let rows = EncodedRows::commit_with_digests_of(shape, &matrix, first, Schedule::Parallel);
    EncodedBlock::from_parts(rows, index)
}
