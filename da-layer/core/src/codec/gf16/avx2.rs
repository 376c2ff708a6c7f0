//! The transform on AVX2: 32 symbols of a row at a time.
//!
//! A product of a byte by a constant of the subfield is the sum of two values, one
//! for each half byte, which shuffles look up for 32 symbols at once.

use std::arch::x86_64::{
    __m256i, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm_sfence, _mm256_and_si256, _mm256_broadcastsi128_si256,
    _mm256_load_si256, _mm256_loadu_si256, _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_srli_epi16, _mm256_store_si256, _mm256_storeu_si256, _mm256_stream_si256, _mm256_xor_si256,
};

use weft_hash::{Columns, Hash};

use super::super::Geometry;
use super::super::stripes::Stripe;
use super::factors::{TWIDDLES, factors};
use super::layers::{LOW, layers, padded};
use super::tower::{HIGH_TO_A0, Images};
use super::transform::{gather, scatter, transform};
use crate::limits::EXTENSION;

/// Bytes of a row in a stripe: one chunk of the layout.
pub(super) const WIDTH: usize = 64;

/// Both bytes of the symbols of one row.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
struct Block {
    low: [u8; 32],
    high: [u8; 32],
}

impl Block {
    const ZERO: Self = Self { low: [0; 32], high: [0; 32] };
}

/// A [`Block`] in registers.
type Symbols = (__m256i, __m256i);

/// Blocks of a pass: eight of the 16 registers.
const RADIX: usize = 4;

/// What each value of the low and of the high half of a byte adds to a product of it, a byte for each value.
type Tables = [u128; 2];

/// Tables for each of the three products of [`super::tower`].
#[derive(Clone, Copy)]
pub(super) struct Factor([Tables; 3]);

impl Factor {
    const ZERO: Self = Self([[0; 2]; 3]);

    const fn new(products: &[Images; 3]) -> Self {
        let [first, second, third] = products;
        Self([tables(first), tables(second), tables(third)])
    }

    const fn plus(self, other: Self) -> Self {
        let mut sum = self;
        let mut at = 0;
        while at < 3 {
            sum.0[at][0] ^= other.0[at][0];
            sum.0[at][1] ^= other.0[at][1];
            at += 1;
        }
        sum
    }
}

const fn tables(images: &Images) -> Tables {
    let mut tables = [0; 2];
    let mut at = 0;
    // Each value of each half byte, by each of its bits.
    while at < 2 * 16 * 4 {
        let (half, value, bit) = (at / 64, at / 4 % 16, at % 4);
        if value >> bit & 1 == 1 {
            tables[half] ^= (images[4 * half + bit] as u128) << (8 * value);
        }
        at += 1;
    }
    tables
}

/// The low and the high half of each byte.
#[target_feature(enable = "avx2")]
#[inline]
fn halves(bytes: __m256i) -> [__m256i; 2] {
    let mask = _mm256_set1_epi8(15);
    [_mm256_and_si256(bytes, mask), _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), mask)]
}

/// The product of bytes whose halves are given.
#[target_feature(enable = "avx2")]
#[inline]
fn looked_up([low, high]: [__m256i; 2], [for_low, for_high]: &Tables) -> __m256i {
    _mm256_xor_si256(_mm256_shuffle_epi8(broadcast(for_low), low), _mm256_shuffle_epi8(broadcast(for_high), high))
}

#[target_feature(enable = "avx2")]
#[inline]
fn zero() -> Symbols {
    (_mm256_setzero_si256(), _mm256_setzero_si256())
}

#[target_feature(enable = "avx2")]
#[inline]
fn plus(a: Symbols, b: Symbols) -> Symbols {
    (_mm256_xor_si256(a.0, b.0), _mm256_xor_si256(a.1, b.1))
}

/// `a + b * factor`.
#[target_feature(enable = "avx2")]
#[inline]
fn plus_product(a: Symbols, b: Symbols, factor: &Factor) -> Symbols {
    let [by_b0, by_delta_b1, by_sum] = &factor.0;
    let (b0, b1) = (halves(b.0), halves(b.1));
    let sum = [_mm256_xor_si256(b0[0], b1[0]), _mm256_xor_si256(b0[1], b1[1])];
    let first = looked_up(b0, by_b0);
    let added = (_mm256_xor_si256(a.0, first), _mm256_xor_si256(a.1, first));
    plus(added, (looked_up(b1, by_delta_b1), looked_up(sum, by_sum)))
}

/// The same for a factor of the subfield.
#[target_feature(enable = "avx2")]
#[inline]
fn plus_subfield_product(a: Symbols, b: Symbols, factor: &Factor) -> Symbols {
    let [by_b0, ..] = &factor.0;
    plus(a, (looked_up(halves(b.0), by_b0), looked_up(halves(b.1), by_b0)))
}

/// From the bytes of elements to pairs, and back.
#[target_feature(enable = "avx2")]
#[inline]
fn turned((low, high): Symbols) -> Symbols {
    (_mm256_xor_si256(low, looked_up(halves(high), const { &tables(&HIGH_TO_A0) })), high)
}

#[target_feature(enable = "avx2")]
#[inline]
fn broadcast(table: &u128) -> __m256i {
    // SAFETY: `table` is 16 readable bytes.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(std::ptr::from_ref(table).cast()) })
}

#[target_feature(enable = "avx2")]
#[inline]
fn load(block: &Block) -> Symbols {
    // SAFETY: both halves are 32 readable bytes at a multiple of 32.
    unsafe { (_mm256_load_si256(block.low.as_ptr().cast()), _mm256_load_si256(block.high.as_ptr().cast())) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store(block: &mut Block, symbols: Symbols) {
    // SAFETY: both halves are 32 writable bytes at a multiple of 32.
    unsafe {
        _mm256_store_si256(block.low.as_mut_ptr().cast(), symbols.0);
        _mm256_store_si256(block.high.as_mut_ptr().cast(), symbols.1);
    }
}

/// From the bytes of a row that a stripe has: all its width, or less at the row's end.
///
/// # Safety
///
/// `len` bytes are readable, as many as a stripe is wide if it is `WHOLE`.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn read<const WHOLE: bool>(part: *const u8, len: usize) -> Symbols {
    if !WHOLE {
        let mut block = Block::ZERO;
        // SAFETY: as the caller promises.
        gather(unsafe { std::slice::from_raw_parts(part, len) }, &mut block.low, &mut block.high);
        return turned(load(&block));
    }
    // SAFETY: as the caller promises: 32 low bytes, then 32 high bytes.
    turned(unsafe { (_mm256_loadu_si256(part.cast()), _mm256_loadu_si256(part.add(32).cast())) })
}

/// The reverse of [`read`]. Whole lines go past the caches: the next to read them comes much later.
///
/// # Safety
///
/// `len` bytes are writable; if the stripe is `WHOLE`, as many as it is wide, and they begin at a cache line.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn write<const WHOLE: bool>(part: *mut u8, len: usize, symbols: Symbols) {
    if !WHOLE {
        // SAFETY: as the caller promises.
        return unsafe { keep::<false>(part, len, symbols) };
    }
    let symbols = turned(symbols);
    // SAFETY: as the caller promises.
    unsafe {
        _mm256_stream_si256(part.cast(), symbols.0);
        _mm256_stream_si256(part.add(32).cast(), symbols.1);
    }
}

/// The same to the cache.
///
/// # Safety
///
/// As for [`write`], at any address.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn keep<const WHOLE: bool>(part: *mut u8, len: usize, symbols: Symbols) {
    if !WHOLE {
        let mut block = Block::ZERO;
        store(&mut block, turned(symbols));
        // SAFETY: as the caller promises.
        return scatter(&block.low, &block.high, unsafe { std::slice::from_raw_parts_mut(part, len) });
    }
    let symbols = turned(symbols);
    // SAFETY: as the caller promises.
    unsafe {
        _mm256_storeu_si256(part.cast(), symbols.0);
        _mm256_storeu_si256(part.add(32).cast(), symbols.1);
    }
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
    // SAFETY: a prefetch reads nothing.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(part.cast()) };
}

factors!();
layers!("avx2");
transform!("avx2");
