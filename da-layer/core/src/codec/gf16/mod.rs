//! The Leopard-type code over GF(2^16).
//!
//! Computed by `reed-solomon-simd` ([`library`]), or by our own transform of
//! narrow stripes ([`transform`]) where the processor has the instructions.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod factors;
#[cfg(target_arch = "x86_64")]
mod layers;
mod library;
#[cfg(target_arch = "x86_64")]
mod locator;
#[cfg(target_arch = "x86_64")]
mod tower;
#[cfg(target_arch = "x86_64")]
mod transform;
#[cfg(target_arch = "x86_64")]
mod vector;

use weft_hash::Hash;

use super::{Codec, CodecError, Geometry, IndexedRow, pick, place_originals};
use crate::kernel::Kernel;
use crate::limits::{EXTENSION, MAX_K};
use crate::schedule::Schedule;

/// Fewest original rows that the kernels take: those that their lower layers work on.
const MIN_ROWS: usize = 64;

/// The code, computed with these instructions.
pub(super) struct Gf16(pub(super) Kernel);

impl Gf16 {
    /// The kernels take a power of two of rows, and whole symbols.
    fn kernel(&self, geometry: Geometry) -> Kernel {
        let Geometry { k, row_len } = geometry;
        let fits = k.is_power_of_two() && (MIN_ROWS..=MAX_K as usize).contains(&k) && row_len.is_multiple_of(2);
        if fits && self.0.is_supported() { self.0 } else { Kernel::Portable }
    }
}

/// Whether the matrix has its size.
fn check(geometry: Geometry, originals: &[u8], parity: &[u8]) -> Result<(), CodecError> {
    let Geometry { k, row_len } = geometry;
    let parity_len = k * (EXTENSION - 1) * row_len;
    if row_len == 0 || originals.len() != k * row_len || parity.len() != parity_len {
        return Err(CodecError::Length);
    }
    Ok(())
}

impl Codec for Gf16 {
    fn extend(
        &self,
        geometry: Geometry,
        originals: &[u8],
        parity: &mut [u8],
        schedule: Schedule,
    ) -> Result<(), CodecError> {
        check(geometry, originals, parity)?;
        match self.kernel(geometry) {
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => vector::avx512::extend(geometry, originals, parity, schedule),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => vector::avx2::extend(geometry, originals, parity, schedule),
            _ => library::extend(geometry, originals, parity, schedule),
        }
    }

    fn extend_hashing(
        &self,
        geometry: Geometry,
        originals: &[u8],
        parity: &mut [u8],
        key: &[u8; 32],
        hashes: (&mut [Hash], &mut [Hash]),
        schedule: Schedule,
    ) -> Result<bool, CodecError> {
        check(geometry, originals, parity)?;
        if [hashes.0.len(), hashes.1.len()] != [EXTENSION * geometry.k; 2] {
            return Err(CodecError::Length);
        }
        Ok(match self.kernel(geometry) {
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => vector::avx512::extend_hashing(geometry, originals, parity, key, hashes, schedule),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => vector::avx2::extend_hashing(geometry, originals, parity, key, hashes, schedule),
            _ => false,
        })
    }

    fn restore(
        &self,
        geometry: Geometry,
        rows: &[IndexedRow<'_>],
        originals: &mut [u8],
        schedule: Schedule,
    ) -> Result<(), CodecError> {
        let picked = pick(geometry, rows, originals.len())?;
        place_originals(geometry, &picked, originals);
        if picked.iter().all(|(index, _)| (*index as usize) < geometry.k) {
            return Ok(());
        }
        match self.kernel(geometry) {
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => vector::avx512::restore(geometry, &picked, originals, schedule),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => vector::avx2::restore(geometry, &picked, originals, schedule),
            _ => library::restore(geometry, &picked, originals, schedule),
        }
    }
}
