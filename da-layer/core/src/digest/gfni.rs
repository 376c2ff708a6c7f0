//! The kernel over GF(2^16) for AVX-512 with GFNI: 64 symbols at a time, as pairs of a tower field.
//!
//! Each functional keeps the sums of the three products of [`super::tower`] in
//! registers of their own, by column; what is left of the product's formula,
//! and the sum over columns, is done once for each row and tile. Invariant:
//! equal to the definition on every input (tested).

use std::arch::x86_64::{
    __m512i, _MM_HINT_T0, _mm_prefetch, _mm_storeu_si128, _mm512_castps_si512, _mm512_castsi512_ps,
    _mm512_cvtepi32_epi8, _mm512_gf2p8affine_epi64_epi8, _mm512_gf2p8mul_epi8, _mm512_load_si512, _mm512_loadu_si512,
    _mm512_maskz_loadu_epi64, _mm512_set1_epi8, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_shuffle_i64x2,
    _mm512_shuffle_ps, _mm512_srli_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use super::Coefficients;
use super::tower::{TOWER, Tower};
use crate::limits::DIGEST_BYTES;

/// Functionals of a digest.
const FUNCTIONALS: usize = DIGEST_BYTES / 2;

/// Bytes of a row, and symbols, that are worked on at a time.
const GROUP_BYTES: usize = 128;
const GROUP_SYMBOLS: usize = GROUP_BYTES / 2;

/// Groups whose coefficients are in use at a time: 24 KiB, half of the first-level cache.
const TILE_GROUPS: usize = 16;

/// `b0`, `b1` and `b0 + b1` of the coefficients of one functional.
#[derive(Clone)]
#[repr(C, align(64))]
struct Lines([[u8; GROUP_SYMBOLS]; 3]);

/// Coefficients of one block for this kernel.
#[derive(Clone)]
pub(super) struct TowerCoefficients {
    row_len: usize,
    groups: Vec<[Lines; FUNCTIONALS]>,
}

impl TowerCoefficients {
    /// From those of a block over GF(2^16).
    pub(super) fn new(coefficients: &Coefficients) -> Self {
        let symbols = coefficients.groups();
        let empty: [Lines; FUNCTIONALS] = std::array::from_fn(|_| Lines([[0; GROUP_SYMBOLS]; 3]));
        let mut groups = vec![empty; symbols.len().div_ceil(GROUP_SYMBOLS)];
        for (group, symbols) in groups.iter_mut().zip(symbols.chunks(GROUP_SYMBOLS)) {
            for (at, symbol) in symbols.iter().enumerate() {
                for (lines, pair) in group.iter_mut().zip(symbol.as_chunks::<2>().0) {
                    let [b0, b1] = TOWER.pair(u16::from_le_bytes(*pair));
                    [lines.0[0][at], lines.0[1][at], lines.0[2][at]] = [b0, b1, b0 ^ b1];
                }
            }
        }
        Self { row_len: symbols.len() * 2, groups }
    }

    pub(super) const fn row_len(&self) -> usize {
        self.row_len
    }
}

/// Adds to each of `sums` the digest of its row.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
pub(super) fn digest_many(coefficients: &TowerCoefficients, rows: &[u8], sums: &mut [u128]) {
    let row_len = coefficients.row_len;
    for (tile, groups) in coefficients.groups.chunks(TILE_GROUPS).enumerate() {
        let start = tile * TILE_GROUPS * GROUP_BYTES;
        let end = row_len.min(start + TILE_GROUPS * GROUP_BYTES);
        for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(row_len)) {
            *sum ^= digest_tile(&TOWER, groups, &row[start..end], row_len);
        }
    }
}

/// Digest of one row. Bytes beyond the row length are ignored, missing ones count as zero.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
pub(super) fn digest_one(coefficients: &TowerCoefficients, row: &[u8]) -> u128 {
    let whole = row.len().min(coefficients.row_len) / 64 * 64;
    let mut sum = digest_tile(&TOWER, &coefficients.groups, &row[..whole], 0);
    if whole < row.len() && whole < coefficients.row_len {
        // A foreign length: the last chunk with zeros behind it, in the place that it has in its group.
        let (group, offset) = (whole / GROUP_BYTES, whole % GROUP_BYTES);
        let mut padded = [0; GROUP_BYTES];
        let rest = &row[whole..];
        padded[offset..offset + rest.len().min(64)].copy_from_slice(&rest[..rest.len().min(64)]);
        sum ^= digest_tile(&TOWER, &coefficients.groups[group..=group], &padded, 0);
    }
    sum
}

/// What some columns add to the digest of a row: chunks of 64 bytes, as many as the groups have or fewer. `ahead` bytes
/// behind each column the next row is asked for.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn digest_tile(tower: &Tower, groups: &[[Lines; FUNCTIONALS]], columns: &[u8], ahead: usize) -> u128 {
    let [low_to_0, high_to_0, high_to_1] = tower.matrices.map(|matrix| _mm512_set1_epi64(matrix.cast_signed()));
    let mut sums = [[_mm512_setzero_si512(); 3]; FUNCTIONALS];
    for (group, columns) in groups.iter().zip(columns.chunks(GROUP_BYTES)) {
        let (first, second) = load(columns);
        for line in [0, 64] {
            _mm_prefetch::<_MM_HINT_T0>(columns.as_ptr().wrapping_add(ahead + line).cast());
        }
        // Each chunk of 64 bytes has 32 low bytes, then 32 high bytes.
        let low = _mm512_shuffle_i64x2::<0x44>(first, second);
        let high = _mm512_shuffle_i64x2::<0xEE>(first, second);
        let a0 = _mm512_xor_si512(
            _mm512_gf2p8affine_epi64_epi8::<0>(low, low_to_0),
            _mm512_gf2p8affine_epi64_epi8::<0>(high, high_to_0),
        );
        let a1 = _mm512_gf2p8affine_epi64_epi8::<0>(high, high_to_1);
        let factors = [a0, a1, _mm512_xor_si512(a0, a1)];
        for (sums, lines) in sums.iter_mut().zip(group) {
            for ((sum, line), factor) in sums.iter_mut().zip(&lines.0).zip(factors) {
                // SAFETY: `line` is 64 readable bytes at a multiple of 64.
                let line = unsafe { _mm512_load_si512(line.as_ptr().cast()) };
                *sum = _mm512_xor_si512(*sum, _mm512_gf2p8mul_epi8(factor, line));
            }
        }
    }
    let delta = _mm512_set1_epi8(tower.delta.cast_signed());
    let mut pairs = [_mm512_setzero_si512(); DIGEST_BYTES];
    for (at, [m0, m1, m2]) in sums.into_iter().enumerate() {
        pairs[FOLD_ORDER[at]] = _mm512_xor_si512(m0, _mm512_gf2p8mul_epi8(m1, delta));
        pairs[FOLD_ORDER[at + FUNCTIONALS]] = _mm512_xor_si512(m0, m2);
    }
    let folded = fold(pairs);
    let mut digest = [0; DIGEST_BYTES];
    for at in 0..FUNCTIONALS {
        [digest[at], digest[at + FUNCTIONALS]] = tower.element([folded[at], folded[at + FUNCTIONALS]]).to_le_bytes();
    }
    u128::from_le_bytes(digest)
}

/// Two chunks of 64 bytes, or one and zeros.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn load(columns: &[u8]) -> (__m512i, __m512i) {
    debug_assert!(columns.len().is_multiple_of(64), "{} bytes", columns.len());
    let second = if columns.len() == GROUP_BYTES { u8::MAX } else { 0 };
    // SAFETY: there are 64 readable bytes, and 64 more where the mask says so.
    unsafe {
        let first = _mm512_loadu_si512(columns.as_ptr().cast());
        (first, _mm512_maskz_loadu_epi64(second, columns.as_ptr().wrapping_add(64).cast()))
    }
}

/// Where [`fold`] wants the register whose sum comes out as byte `n`.
const FOLD_ORDER: [usize; DIGEST_BYTES] = [0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15];

/// The sum of the 64 bytes of each register, in the order of [`FOLD_ORDER`]: halves, quarters and so on are added, and
/// after each step two registers share one.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn fold(v: [__m512i; DIGEST_BYTES]) -> [u8; DIGEST_BYTES] {
    let halves: [__m512i; 8] = std::array::from_fn(|n| {
        let (a, b) = (v[n], v[n + 8]);
        _mm512_xor_si512(_mm512_shuffle_i64x2::<0x44>(a, b), _mm512_shuffle_i64x2::<0xEE>(a, b))
    });
    let quarters: [__m512i; 4] = std::array::from_fn(|n| {
        let (a, b) = (halves[n], halves[n + 4]);
        _mm512_xor_si512(_mm512_shuffle_i64x2::<0x88>(a, b), _mm512_shuffle_i64x2::<0xDD>(a, b))
    });
    let [a, b]: [__m512i; 2] = std::array::from_fn(|n| {
        let (a, b) = (quarters[n], quarters[n + 2]);
        _mm512_xor_si512(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b))
    });
    let (a, b) = (_mm512_castsi512_ps(a), _mm512_castsi512_ps(b));
    let (even, odd) = (_mm512_shuffle_ps::<0x88>(a, b), _mm512_shuffle_ps::<0xDD>(a, b));
    let mut words = _mm512_xor_si512(_mm512_castps_si512(even), _mm512_castps_si512(odd));
    words = _mm512_xor_si512(words, _mm512_srli_epi32::<16>(words));
    words = _mm512_xor_si512(words, _mm512_srli_epi32::<8>(words));
    let mut bytes = [0; DIGEST_BYTES];
    // SAFETY: `bytes` is 16 writable bytes.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), _mm512_cvtepi32_epi8(words)) };
    bytes
}
