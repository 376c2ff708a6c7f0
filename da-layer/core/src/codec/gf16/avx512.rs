//! The transform on AVX-512 with GFNI: 64 symbols of a row at a time.
//!
//! One instruction applies a matrix of 8 x 8 bits to 64 bytes. Processors begin one of
//! these in a cycle, so the number of matrices in a product sets the pace.

use std::arch::x86_64::{
    __m512i, _MM_HINT_T0, _mm_prefetch, _mm_sfence, _mm512_gf2p8affine_epi64_epi8, _mm512_load_si512,
    _mm512_loadu_si512, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_shuffle_i64x2, _mm512_store_si512,
    _mm512_storeu_si512, _mm512_stream_si512, _mm512_ternarylogic_epi64, _mm512_xor_si512,
};

use weft_hash::{Columns, Hash};

use super::super::Geometry;
use super::super::stripes::Stripe;
use super::factors::{TWIDDLES, factors};
use super::layers::{LOW, layers, padded};
use super::tower::{HIGH_TO_A0, Images};
use super::transform::{gather, scatter, transform};
use crate::limits::EXTENSION;

/// Bytes of a row in a stripe.
pub(super) const WIDTH: usize = 128;

/// Both bytes of the symbols of one row.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Block {
    low: [u8; 64],
    high: [u8; 64],
}

impl Block {
    const ZERO: Self = Self { low: [0; 64], high: [0; 64] };
}

/// A [`Block`] in registers.
type Symbols = (__m512i, __m512i);

/// Blocks of a pass: 16 of the 32 registers.
const RADIX: usize = 8;

/// A bit matrix for each of the three products of [`super::tower`], as the instruction wants it.
#[derive(Clone, Copy)]
pub(super) struct Factor([u64; 3]);

impl Factor {
    const ZERO: Self = Self([0; 3]);

    const fn new(products: &[Images; 3]) -> Self {
        let [first, second, third] = products;
        Self([matrix(first), matrix(second), matrix(third)])
    }

    const fn plus(self, other: Self) -> Self {
        let ([a, b, c], [d, e, f]) = (self.0, other.0);
        Self([a ^ d, b ^ e, c ^ f])
    }
}

const fn matrix(images: &Images) -> u64 {
    // Row `i` of the matrix, byte `7 - i`, has bit `j` where input bit `j` reaches output bit `i`.
    let mut matrix = 0;
    let mut at = 0;
    while at < 64 {
        let (i, j) = (at / 8, at % 8);
        matrix |= ((images[j] >> i & 1) as u64) << (8 * (7 - i) + j);
        at += 1;
    }
    matrix
}

/// Each byte times `matrix`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn times(bytes: __m512i, matrix: u64) -> __m512i {
    _mm512_gf2p8affine_epi64_epi8::<0>(bytes, _mm512_set1_epi64(matrix.cast_signed()))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn zero() -> Symbols {
    (_mm512_setzero_si512(), _mm512_setzero_si512())
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn plus(a: Symbols, b: Symbols) -> Symbols {
    (_mm512_xor_si512(a.0, b.0), _mm512_xor_si512(a.1, b.1))
}

/// `a + b * factor`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn plus_product(a: Symbols, b: Symbols, factor: &Factor) -> Symbols {
    const XOR3: i32 = 0x96;
    let [by_b0, by_delta_b1, by_sum] = factor.0;
    let first = times(b.0, by_b0);
    let (second, third) = (times(b.1, by_delta_b1), times(_mm512_xor_si512(b.0, b.1), by_sum));
    (_mm512_ternarylogic_epi64::<XOR3>(a.0, first, second), _mm512_ternarylogic_epi64::<XOR3>(a.1, first, third))
}

/// The same for a factor of the subfield.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn plus_subfield_product(a: Symbols, b: Symbols, factor: &Factor) -> Symbols {
    let [by_b0, ..] = factor.0;
    (_mm512_xor_si512(a.0, times(b.0, by_b0)), _mm512_xor_si512(a.1, times(b.1, by_b0)))
}

/// From the bytes of elements to pairs, and back.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn turned((low, high): Symbols) -> Symbols {
    (_mm512_xor_si512(low, times(high, const { matrix(&HIGH_TO_A0) })), high)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn load(block: &Block) -> Symbols {
    // SAFETY: both halves are 64 readable bytes at a multiple of 64.
    unsafe { (_mm512_load_si512(block.low.as_ptr().cast()), _mm512_load_si512(block.high.as_ptr().cast())) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn store(block: &mut Block, symbols: Symbols) {
    // SAFETY: both halves are 64 writable bytes at a multiple of 64.
    unsafe {
        _mm512_store_si512(block.low.as_mut_ptr().cast(), symbols.0);
        _mm512_store_si512(block.high.as_mut_ptr().cast(), symbols.1);
    }
}

/// From the bytes of a row that a stripe has: all its width, or less at the row's end.
///
/// # Safety
///
/// `len` bytes are readable, as many as a stripe is wide if it is `WHOLE`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
unsafe fn read<const WHOLE: bool>(part: *const u8, len: usize) -> Symbols {
    if !WHOLE {
        let mut block = Block::ZERO;
        // SAFETY: as the caller promises.
        gather(unsafe { std::slice::from_raw_parts(part, len) }, &mut block.low, &mut block.high);
        return turned(load(&block));
    }
    // SAFETY: as the caller promises.
    let (a, b) = unsafe { (_mm512_loadu_si512(part.cast()), _mm512_loadu_si512(part.add(64).cast())) };
    // Each chunk of 64 bytes has 32 low bytes, then 32 high bytes.
    turned((_mm512_shuffle_i64x2::<0x44>(a, b), _mm512_shuffle_i64x2::<0xEE>(a, b)))
}

/// The reverse of [`read`]. Whole lines go past the caches: the next to read them comes much later.
///
/// # Safety
///
/// `len` bytes are writable; if the stripe is `WHOLE`, as many as it is wide, and they begin at a cache line.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
unsafe fn write<const WHOLE: bool>(part: *mut u8, len: usize, symbols: Symbols) {
    if !WHOLE {
        // SAFETY: as the caller promises.
        return unsafe { keep::<false>(part, len, symbols) };
    }
    let (first, second) = chunks(turned(symbols));
    // SAFETY: as the caller promises.
    unsafe {
        _mm512_stream_si512(part.cast(), first);
        _mm512_stream_si512(part.add(64).cast(), second);
    }
}

/// The same to the cache.
///
/// # Safety
///
/// As for [`write`], at any address.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
unsafe fn keep<const WHOLE: bool>(part: *mut u8, len: usize, symbols: Symbols) {
    if !WHOLE {
        let mut block = Block::ZERO;
        store(&mut block, turned(symbols));
        // SAFETY: as the caller promises.
        return scatter(&block.low, &block.high, unsafe { std::slice::from_raw_parts_mut(part, len) });
    }
    let (first, second) = chunks(turned(symbols));
    // SAFETY: as the caller promises.
    unsafe {
        _mm512_storeu_si512(part.cast(), first);
        _mm512_storeu_si512(part.add(64).cast(), second);
    }
}

/// Two chunks of 64 bytes, each 32 low bytes, then 32 high bytes.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn chunks((low, high): Symbols) -> (__m512i, __m512i) {
    (_mm512_shuffle_i64x2::<0x44>(low, high), _mm512_shuffle_i64x2::<0xEE>(low, high))
}

/// Makes what [`write`] stored past the caches visible to other threads as other stores are.
#[inline]
fn fence() {
    // SAFETY: every x86-64 processor has it.
    unsafe { _mm_sfence() }
}

/// Asks for a stripe's part of a row.
#[inline]
fn prefetch(part: *const u8) {
    for line in [part, part.wrapping_add(64)] {
        // SAFETY: a prefetch reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) };
    }
}

factors!();
layers!("avx512f,avx512bw,avx512vl,gfni");
transform!("avx512f,avx512bw,avx512vl,gfni");
