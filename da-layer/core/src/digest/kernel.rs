//! Which kernel computes digests: the best that the processor can run, or a named one.

use super::{BitImages, tables};

/// A way to compute digests. All give the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Lookup tables, on every processor.
    Portable,
    /// AVX2, x86-64 only; falls back to the tables where the processor cannot.
    Avx2,
}

impl Kernel {
    /// The fastest on this processor.
    pub fn best() -> Self {
        if Self::Avx2.is_supported() { Self::Avx2 } else { Self::Portable }
    }

    /// Whether this processor can run it.
    pub fn is_supported(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => super::avx2::is_supported(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 => false,
        }
    }

    /// Digest of one row.
    pub(super) fn digest_one(self, images: &[BitImages], row: &[u8]) -> u128 {
        #[cfg(target_arch = "x86_64")]
        if self == Self::Avx2 && self.is_supported() {
            // SAFETY: the processor has AVX2, as was just asked.
            return unsafe { super::avx2::digest_one(images, row) };
        }
        tables::digest_one(images, row)
    }

    /// Adds to each of `sums` the digest of its row.
    pub(super) fn digest_many(self, images: &[BitImages], rows: &[u8], sums: &mut [u128]) {
        #[cfg(target_arch = "x86_64")]
        if self == Self::Avx2 && self.is_supported() {
            // SAFETY: the processor has AVX2, as was just asked.
            return unsafe { super::avx2::digest_many(images, rows, sums) };
        }
        tables::digest_many(images, rows, sums)
    }
}
