//! Which instructions the inner loops use: the best that the processor has, or named ones.
//!
//! Code, row hashes and digests each have a portable way (libraries and plain
//! Rust, the oracle of the tests) and vector ways. Invariant: all give the same
//! bytes, so the choice is nobody's business but the processor's.

/// A set of instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// Every processor: `reed-solomon-simd`, `blake3` row by row, lookup tables.
    Portable,
    /// x86-64 with AVX2.
    Avx2,
    /// x86-64 with AVX-512 (F, BW, VL) and GFNI.
    Avx512,
}

impl Kernel {
    /// All of them, the best last.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The fastest on this processor.
    pub fn best() -> Self {
        Self::Avx512.or_below()
    }

    /// This one, or the next below that the processor has.
    pub fn or_below(self) -> Self {
        match self {
            Self::Avx512 if self.is_supported() => self,
            Self::Avx512 | Self::Avx2 if Self::Avx2.is_supported() => Self::Avx2,
            _ => Self::Portable,
        }
    }

    /// Whether this processor has it.
    pub fn is_supported(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => std::arch::is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512vl")
                    && std::arch::is_x86_feature_detected!("gfni")
                    && Self::Avx2.is_supported()
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }
}
