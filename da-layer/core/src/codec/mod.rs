//! Reed-Solomon codes of rate 1/4 over rows of bytes, behind one trait.
//!
//! Both codes are systematic and act on every column by itself, so a row may
//! be cut into column stripes that are coded apart (that is how they run in
//! parallel), and a linear map over the code's field that is applied to every
//! row commutes with the code (that is what certified encoding rests on).
//! Any `k` of the `4k` rows determine all. The number in the header names the
//! code for ever; another code gets another number.

mod gf16;
mod gf8;
mod stripes;

use weft_hash::Hash;

use crate::kernel::Kernel;
use crate::limits::{EXTENSION, MAX_K};
use crate::schedule::Schedule;

/// The codes that a header can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum CodecId {
    /// GF(2^8) mod `x^8+x^4+x^3+x^2+1` (0x11D), systematic Vandermonde matrix,
    /// as in `reed-solomon-erasure`; 64 original rows.
    Gf8 = 1,
    /// GF(2^16) mod 0x1002D in the Cantor basis, additive-FFT code of the
    /// Leopard family, as in `reed-solomon-simd` (low rate form).
    Gf16 = 2,
}

impl CodecId {
    /// The codec with this number in a header.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Gf8),
            2 => Some(Self::Gf16),
            _ => None,
        }
    }

    /// The number in a header.
    pub const fn as_byte(self) -> u8 {
        self as u8
    }

    /// Rows are a multiple of this many bytes. GF(2^16) symbols lie in chunks
    /// of 64 bytes: 32 low bytes, then the 32 high bytes.
    pub const fn granule_bytes(self) -> usize {
        match self {
            Self::Gf8 => 16,
            Self::Gf16 => 64,
        }
    }

    /// The code itself, on the best instructions that the processor has.
    pub fn codec(self) -> &'static dyn Codec {
        self.codec_on(Kernel::best())
    }

    /// The code on these instructions, or on the best below that the processor has. (GF(2^8) has one way, which
    /// chooses for itself.)
    pub fn codec_on(self, kernel: Kernel) -> &'static dyn Codec {
        match (self, kernel.or_below()) {
            (Self::Gf8, _) => &gf8::Gf8,
            (Self::Gf16, Kernel::Portable) => &gf16::Gf16(Kernel::Portable),
            (Self::Gf16, Kernel::Avx2) => &gf16::Gf16(Kernel::Avx2),
            (Self::Gf16, Kernel::Avx512) => &gf16::Gf16(Kernel::Avx512),
        }
    }
}

/// A code refused its input. Cannot happen for a valid [`crate::Shape`] and rows of its length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Fewer than `k` distinct rows.
    #[error("{found} distinct rows are too few, {needed} are needed")]
    TooFewRows {
        /// Distinct rows given.
        found: usize,
        /// Rows needed.
        needed: usize,
    },
    /// A row index beyond the matrix.
    #[error("row {0} is beyond the matrix")]
    RowIndex(u32),
    /// Buffers or rows of the wrong length.
    #[error("a buffer or row has the wrong length")]
    Length,
    /// The underlying library refused.
    #[error("codec refused: {0}")]
    Library(String),
}

/// Rows and row length that one call codes; unlike a shape it also fits digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Original rows.
    pub k: usize,
    /// Bytes in a row; even for GF(2^16). A last chunk of `n < 64` bytes holds
    /// `n/2` low bytes, then the `n/2` high bytes.
    pub row_len: usize,
}

/// A row and its index in the extended matrix.
pub type IndexedRow<'a> = (u32, &'a [u8]);

/// A systematic code of rate 1/4.
pub trait Codec: Sync {
    /// Computes the `3k` parity rows (concatenated, as all matrices here) of `originals`.
    fn extend(
        &self,
        geometry: Geometry,
        originals: &[u8],
        parity: &mut [u8],
        schedule: Schedule,
    ) -> Result<(), CodecError>;

    /// As [`Self::extend`], and the first hashes become the keyed BLAKE3 hashes of all `4k` rows, made of columns that are
    /// in a cache anyway; as many others are overwritten. `false`, and nothing is done, where that does not pay.
    fn extend_hashing(
        &self,
        _geometry: Geometry,
        _originals: &[u8],
        _parity: &mut [u8],
        _key: &[u8; 32],
        _hashes: (&mut [Hash], &mut [Hash]),
        _schedule: Schedule,
    ) -> Result<bool, CodecError> {
        Ok(false)
    }

    /// Fills `originals` with the original rows of the codeword that passes
    /// through `rows`: at least `k` distinct ones. Superfluous rows are not compared.
    fn restore(
        &self,
        geometry: Geometry,
        rows: &[IndexedRow<'_>],
        originals: &mut [u8],
        schedule: Schedule,
    ) -> Result<(), CodecError>;
}

/// Checks lengths and picks `k` distinct rows, originals first, in order of index.
fn pick<'a>(geometry: Geometry, rows: &[IndexedRow<'a>], out_len: usize) -> Result<Vec<IndexedRow<'a>>, CodecError> {
    let Geometry { k, row_len } = geometry;
    if k == 0 || k > MAX_K as usize || row_len == 0 || out_len != k * row_len {
        return Err(CodecError::Length);
    }
    let mut slots: Vec<Option<&[u8]>> = vec![None; k * EXTENSION];
    for (index, row) in rows {
        if row.len() != row_len {
            return Err(CodecError::Length);
        }
        *slots.get_mut(*index as usize).ok_or(CodecError::RowIndex(*index))? = Some(row);
    }
    let picked: Vec<_> = (0u32..).zip(slots).filter_map(|(index, row)| Some((index, row?))).take(k).collect();
    if picked.len() < k {
        return Err(CodecError::TooFewRows { found: picked.len(), needed: k });
    }
    Ok(picked)
}

/// Copies the picked originals to their places.
fn place_originals(geometry: Geometry, picked: &[IndexedRow<'_>], originals: &mut [u8]) {
    let places = originals.chunks_exact_mut(geometry.row_len);
    let mut rows = picked.iter().peekable();
    for (index, place) in (0u32..).zip(places) {
        if let Some((_, row)) = rows.next_if(|(at, _)| *at == index) {
            place.copy_from_slice(row);
        }
    }
}

#[cfg(test)]
mod tests;
