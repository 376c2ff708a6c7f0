//! How many inputs are hashed side by side.

/// A number of lanes, and the instructions that give them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lanes {
    /// Every processor: `blake3`, one input after the other.
    One,
    /// x86-64 with AVX2.
    Eight,
    /// x86-64 with AVX-512F.
    Sixteen,
}

impl Lanes {
    /// All of them, the most last.
    pub const ALL: [Self; 3] = [Self::One, Self::Eight, Self::Sixteen];

    /// How many.
    pub const fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Eight => 8,
            Self::Sixteen => 16,
        }
    }

    /// The most that this processor has.
    pub fn best() -> Self {
        Self::Sixteen.or_fewer()
    }

    /// This many, or the next fewer that the processor has.
    pub fn or_fewer(self) -> Self {
        match self {
            Self::Sixteen if self.is_supported() => self,
            Self::Sixteen | Self::Eight if Self::Eight.is_supported() => Self::Eight,
            _ => Self::One,
        }
    }

    /// Whether this processor has them.
    pub fn is_supported(self) -> bool {
        match self {
            Self::One => true,
            #[cfg(target_arch = "x86_64")]
            Self::Eight => std::arch::is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Sixteen => std::arch::is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Eight | Self::Sixteen => false,
        }
    }
}
