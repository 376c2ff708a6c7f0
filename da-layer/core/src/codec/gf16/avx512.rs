//! The transform on AVX-512 with GFNI: 64 symbols of a row at a time.
//!
//! In bytes, multiplication by a constant of GF(2^16) is four 8 x 8 bit
//! matrices, each of which one instruction applies to 64 bytes.

use std::arch::x86_64::{
    __m512i, _MM_HINT_T0, _mm_prefetch, _mm_sfence, _mm512_gf2p8affine_epi64_epi8, _mm512_load_si512,
    _mm512_loadu_si512, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_shuffle_i64x2, _mm512_store_si512,
    _mm512_storeu_si512, _mm512_stream_si512, _mm512_ternarylogic_epi64, _mm512_xor_si512,
};

use super::super::Geometry;
use super::super::stripes::Stripe;
use super::factors::{TWIDDLES, factors};
use super::layers::{LOW, layers, padded};
use super::transform::{gather, scatter, transform};
use crate::limits::EXTENSION;

/// Bytes of a row in a stripe.
pub(super) const WIDTH: usize = 128;

/// Low and high bytes of the symbols of one row.
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

/// Bit matrices, as the instruction wants them: low byte to low byte, high to low, low to high, high to high.
#[derive(Clone, Copy)]
pub(super) struct Factor([u64; 4]);

/// A [`Factor`] in registers.
type Ready = [__m512i; 4];

impl Factor {
    const ZERO: Self = Self([0; 4]);

    const fn new(images: &[u16; 16]) -> Self {
        Self([matrix(images, 0, 0), matrix(images, 8, 0), matrix(images, 0, 8), matrix(images, 8, 8)])
    }

    const fn plus(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a ^ e, b ^ f, c ^ g, d ^ h])
    }
}

/// From the eight input bits from `input` on to the eight output bits from `output` on.
const fn matrix(images: &[u16; 16], input: usize, output: u32) -> u64 {
    // Row `i` of the matrix, byte `7 - i`, has bit `j` where input bit `j` reaches output bit `i`.
    let mut matrix = 0;
    let mut at = 0;
    while at < 64 {
        let (i, j) = (at / 8, at % 8);
        matrix |= ((images[input + j as usize] >> (output + i) & 1) as u64) << (8 * (7 - i) + j);
        at += 1;
    }
    matrix
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn ready(factor: &Factor) -> Ready {
    factor.0.map(|matrix| _mm512_set1_epi64(matrix.cast_signed()))
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
fn plus_product(a: Symbols, b: Symbols, factor: Ready) -> Symbols {
    const XOR3: i32 = 0x96;
    let [low_low, high_low, low_high, high_high] = factor;
    let low = (_mm512_gf2p8affine_epi64_epi8::<0>(b.0, low_low), _mm512_gf2p8affine_epi64_epi8::<0>(b.1, high_low));
    let high = (_mm512_gf2p8affine_epi64_epi8::<0>(b.0, low_high), _mm512_gf2p8affine_epi64_epi8::<0>(b.1, high_high));
    (_mm512_ternarylogic_epi64::<XOR3>(a.0, low.0, low.1), _mm512_ternarylogic_epi64::<XOR3>(a.1, high.0, high.1))
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

/// From a row's bytes: a stripe or, at the row's end, less.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn read(part: &[u8]) -> Symbols {
    if part.len() != WIDTH {
        let mut block = Block::ZERO;
        gather(part, &mut block.low, &mut block.high);
        return load(&block);
    }
    // SAFETY: `part` is 128 readable bytes.
    let (a, b) =
        unsafe { (_mm512_loadu_si512(part.as_ptr().cast()), _mm512_loadu_si512(part.as_ptr().add(64).cast())) };
    // Each chunk of 64 bytes has 32 low bytes, then 32 high bytes.
    (_mm512_shuffle_i64x2::<0x44>(a, b), _mm512_shuffle_i64x2::<0xEE>(a, b))
}

/// To a row's bytes: the reverse of [`read`]. Whole lines go past the caches: the next to read them comes much later.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[inline]
fn write(part: &mut [u8], symbols: Symbols) {
    if part.len() != WIDTH {
        let mut block = Block::ZERO;
        store(&mut block, symbols);
        return scatter(&block.low, &block.high, part);
    }
    let a = _mm512_shuffle_i64x2::<0x44>(symbols.0, symbols.1);
    let b = _mm512_shuffle_i64x2::<0xEE>(symbols.0, symbols.1);
    let target = part.as_mut_ptr();
    // SAFETY: `part` is 128 writable bytes; the streaming stores are for multiples of 64.
    unsafe {
        if target.addr().is_multiple_of(64) {
            _mm512_stream_si512(target.cast(), a);
            _mm512_stream_si512(target.add(64).cast(), b);
        } else {
            _mm512_storeu_si512(target.cast(), a);
            _mm512_storeu_si512(target.add(64).cast(), b);
        }
    }
}

/// Makes what [`write`] stored past the caches visible to other threads as other stores are.
#[inline]
fn fence() {
    // SAFETY: every x86-64 processor has it.
    unsafe { _mm_sfence() }
}

#[inline]
fn prefetch(part: &[u8]) {
    for line in part.chunks(64) {
        // SAFETY: a prefetch reads nothing, and the line is readable.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}

factors!();
layers!("avx512f,avx512bw,avx512vl,gfni");
transform!("avx512f,avx512bw,avx512vl,gfni");
