//! How hard the encoder tries: the zstd level of a batch's columns.
//!
//! The level is the encoder's own choice and leaves no trace that a decoder
//! needs; a node picks it by its backlog.

/// A zstd level from 3 (fastest) to 19 (smallest), or none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

/// The level is neither 0 nor from 3 to 19.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("compression level must be from 3 (fastest) to 19 (smallest), or 0 for none, not {0}")]
pub struct UnknownLevel(pub u8);

impl Level {
    /// No compression: every column as it is. The bytes then depend on nothing
    /// but the batch, which golden vectors need.
    pub const NONE: Self = Self(0);
    /// Level 3.
    pub const FASTEST: Self = Self(3);
    /// Level 19.
    pub const SMALLEST: Self = Self(19);

    /// The level as zstd counts it; `None` for [`Level::NONE`].
    pub const fn zstd(self) -> Option<i32> {
        match self.0 {
            0 => None,
            level => Some(level as i32),
        }
    }
}

impl TryFrom<u8> for Level {
    type Error = UnknownLevel;

    fn try_from(level: u8) -> Result<Self, UnknownLevel> {
        match level {
            0 | 3..=19 => Ok(Self(level)),
            other => Err(UnknownLevel(other)),
        }
    }
}
