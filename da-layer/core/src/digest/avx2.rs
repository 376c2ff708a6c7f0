//! The kernels of `tables`, 32 bytes at a time, for x86-64 with AVX2.
//!
//! Many rows: 32 rows are transposed so that one register holds one column of
//! all of them; a byte shuffle then looks up one output byte of a half byte for
//! 32 rows at once. One row: bit images are added under masks, two at a time.
//! Invariant: equal to the portable kernels on every input (tested). Unsafe is
//! only the loads, each from a slice that was just cut to its size.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_and_si128, _mm_loadu_si128, _mm_set1_epi8, _mm_setr_epi8, _mm_storeu_si128, _mm_xor_si128,
    _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_castsi128_si256, _mm256_cmpeq_epi8, _mm256_extract_epi64,
    _mm256_inserti128_si256, _mm256_loadu_si256, _mm256_set_epi64x, _mm256_set1_epi8, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_storeu_si256, _mm256_unpackhi_epi8, _mm256_unpacklo_epi8,
    _mm256_xor_si256,
};

use super::BitImages;
use super::tables;
use crate::limits::DIGEST_BYTES;

/// Rows in a register.
const GROUP_ROWS: usize = 32;

/// Columns that are transposed together.
const BLOCK_BYTES: usize = 16;

/// Columns whose tables are in use at a time: 16 KiB, half of the first-level cache.
const TILE_BYTES: usize = 32;

/// Shuffle tables of one column: for each output byte, of the low and of the high half byte.
type ShuffleTables = [[[u8; 16]; 2]; DIGEST_BYTES];

/// Sums of one group: register `o` holds output byte `o` of each row.
type GroupSums = [__m256i; DIGEST_BYTES];

/// As [`tables::digest_one`].
#[target_feature(enable = "avx2")]
pub(super) fn digest_one(images: &[BitImages], row: &[u8]) -> u128 {
    let low = 0x0101_0101_0101_0101u64;
    let select: [__m256i; 4] = std::array::from_fn(|pair| {
        let (even, odd) = ((low << (2 * pair)) as i64, (low << (2 * pair + 1)) as i64);
        _mm256_set_epi64x(odd, odd, even, even)
    });
    let mut sums = [_mm256_setzero_si256(); 4];
    for (image, byte) in images.iter().zip(row) {
        let byte = _mm256_set1_epi8(byte.cast_signed());
        for ((sum, select), pair) in sums.iter_mut().zip(select).zip(image.as_chunks::<2>().0) {
            let hit = _mm256_cmpeq_epi8(_mm256_and_si256(byte, select), select);
            // SAFETY: `pair` is two `u128`, 32 readable bytes.
            let values = unsafe { _mm256_loadu_si256(pair.as_ptr().cast()) };
            *sum = _mm256_xor_si256(*sum, _mm256_and_si256(values, hit));
        }
    }
    let [a, b, c, d] = sums;
    let sum = _mm256_xor_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(c, d));
    let low = _mm256_extract_epi64::<0>(sum) ^ _mm256_extract_epi64::<2>(sum);
    let high = _mm256_extract_epi64::<1>(sum) ^ _mm256_extract_epi64::<3>(sum);
    u128::from(high.cast_unsigned()) << 64 | u128::from(low.cast_unsigned())
}

/// As [`tables::digest_many`].
#[target_feature(enable = "avx2")]
pub(super) fn digest_many(images: &[BitImages], rows: &[u8], sums: &mut [u128]) {
    let row_len = images.len();
    let groups = if row_len.is_multiple_of(BLOCK_BYTES) { sums.len() / GROUP_ROWS } else { 0 };
    let (group_rows, other_rows) = rows.split_at(groups * GROUP_ROWS * row_len);
    let (group_out, other_out) = sums.split_at_mut(groups * GROUP_ROWS);
    tables::digest_many(images, other_rows, other_out);

    let mut group_sums: Vec<GroupSums> = vec![[_mm256_setzero_si256(); DIGEST_BYTES]; groups];
    let mut shuffles = Vec::with_capacity(TILE_BYTES);
    for (tile, images) in images.chunks(TILE_BYTES).enumerate() {
        shuffles.clear();
        for image in images {
            shuffles.push(shuffle_tables(image));
        }
        for (sums, group) in group_sums.iter_mut().zip(group_rows.chunks_exact(GROUP_ROWS * row_len)) {
            for (block, shuffles) in shuffles.chunks_exact(BLOCK_BYTES).enumerate() {
                let columns = transpose(group, row_len, tile * TILE_BYTES + block * BLOCK_BYTES);
                add_block(sums, shuffles, &columns);
            }
        }
    }
    for (sums, out) in group_sums.iter().zip(group_out.chunks_exact_mut(GROUP_ROWS)) {
        untranspose(sums, out);
    }
}

/// Tables of one column: byte `v` is what a half byte of value `v` adds to one output byte.
#[target_feature(enable = "avx2")]
fn shuffle_tables(images: &BitImages) -> ShuffleTables {
    // Byte v of mask b is all ones where bit b of v is set.
    let masks: [__m128i; 4] = [
        _mm_setr_epi8(0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1),
        _mm_setr_epi8(0, 0, -1, -1, 0, 0, -1, -1, 0, 0, -1, -1, 0, 0, -1, -1),
        _mm_setr_epi8(0, 0, 0, 0, -1, -1, -1, -1, 0, 0, 0, 0, -1, -1, -1, -1),
        _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1),
    ];
    let bytes = images.map(u128::to_le_bytes);
    let mut tables = [[[0; 16]; 2]; DIGEST_BYTES];
    for (output, halves) in tables.iter_mut().enumerate() {
        for (half, table) in halves.iter_mut().enumerate() {
            let term = |bit: usize| {
                let image = _mm_set1_epi8(bytes[half * 4 + bit][output].cast_signed());
                _mm_and_si128(image, masks[bit])
            };
            let sum = _mm_xor_si128(_mm_xor_si128(term(0), term(1)), _mm_xor_si128(term(2), term(3)));
            // SAFETY: `table` is 16 writable bytes.
            unsafe { _mm_storeu_si128(table.as_mut_ptr().cast(), sum) };
        }
    }
    tables
}

/// Sixteen columns from `start` on of the 32 rows of a group, a register each.
#[target_feature(enable = "avx2")]
fn transpose(group: &[u8], row_len: usize, start: usize) -> [__m256i; BLOCK_BYTES] {
    let load = |row: usize| {
        let block = &group[row * row_len + start..][..BLOCK_BYTES];
        // SAFETY: `block` is 16 readable bytes.
        unsafe { _mm_loadu_si128(block.as_ptr().cast()) }
    };
    let mut lines: [__m256i; 16] =
        std::array::from_fn(|row| _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(load(row)), load(row + 16)));
    // Four perfect shuffles of 16 lines transpose 16 x 16 bytes in each half.
    for _ in 0..4 {
        let before = lines;
        for at in 0..8 {
            lines[2 * at] = _mm256_unpacklo_epi8(before[at], before[at + 8]);
            lines[2 * at + 1] = _mm256_unpackhi_epi8(before[at], before[at + 8]);
        }
    }
    lines
}

/// Adds what a block of columns contributes to a group.
#[target_feature(enable = "avx2")]
fn add_block(sums: &mut GroupSums, shuffles: &[ShuffleTables], columns: &[__m256i; BLOCK_BYTES]) {
    let mask = _mm256_set1_epi8(15);
    // Eight sums at a time leave registers for the halves of a column.
    for first in [0, 8] {
        let mut partial: [__m256i; 8] = std::array::from_fn(|output| sums[first + output]);
        for (column, tables) in columns.iter().zip(shuffles) {
            let low = _mm256_and_si256(*column, mask);
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(*column), mask);
            for (sum, [low_table, high_table]) in partial.iter_mut().zip(&tables[first..first + 8]) {
                let low = _mm256_shuffle_epi8(broadcast(low_table), low);
                let high = _mm256_shuffle_epi8(broadcast(high_table), high);
                *sum = _mm256_xor_si256(*sum, _mm256_xor_si256(low, high));
            }
        }
        sums[first..first + 8].copy_from_slice(&partial);
    }
}

#[target_feature(enable = "avx2")]
fn broadcast(table: &[u8; 16]) -> __m256i {
    // SAFETY: `table` is 16 readable bytes.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
}

/// Adds the sums of a group to those of its rows.
#[target_feature(enable = "avx2")]
fn untranspose(sums: &GroupSums, out: &mut [u128]) {
    for (output, register) in sums.iter().enumerate() {
        let mut bytes = [0u8; GROUP_ROWS];
        // SAFETY: `bytes` is 32 writable bytes.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), *register) };
        for (sum, byte) in out.iter_mut().zip(bytes) {
            *sum ^= u128::from(byte) << (8 * output);
        }
    }
}
