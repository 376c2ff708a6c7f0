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
mod library;
#[cfg(target_arch = "x86_64")]
mod locator;
#[cfg(target_arch = "x86_64")]
mod transform;
#[cfg(target_arch = "x86_64")]
mod vector;

use super::{Codec, CodecError, Geometry, IndexedRow, pick, place_originals};
use crate::kernel::Kernel;
use crate::limits::EXTENSION;
use crate::schedule::Schedule;

/// The code, computed with these instructions.
pub(super) struct Gf16(pub(super) Kernel);

impl Codec for Gf16 {
    fn extend(
        &self,
        geometry: Geometry,
        originals: &[u8],
        parity: &mut [u8],
        schedule: Schedule,
    ) -> Result<(), CodecError> {
        let Geometry { k, row_len } = geometry;
        let parity_rows = k * (EXTENSION - 1);
        if row_len == 0 || originals.len() != k * row_len || parity.len() != parity_rows * row_len {
            return Err(CodecError::Length);
        }
        #[cfg(target_arch = "x86_64")]
        if vector::fits(geometry) && self.0.is_supported() {
            match self.0 {
                Kernel::Avx512 => return vector::avx512::extend(geometry, originals, parity, schedule),
                Kernel::Avx2 => return vector::avx2::extend(geometry, originals, parity, schedule),
                Kernel::Portable => {}
            }
        }
        library::extend(geometry, originals, parity, schedule)
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
        #[cfg(target_arch = "x86_64")]
        if vector::fits(geometry) && self.0.is_supported() {
            match self.0 {
                Kernel::Avx512 => return vector::avx512::restore(geometry, &picked, originals, schedule),
                Kernel::Avx2 => return vector::avx2::restore(geometry, &picked, originals, schedule),
                Kernel::Portable => {}
            }
        }
        library::restore(geometry, &picked, originals, schedule)
    }
}
