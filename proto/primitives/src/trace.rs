//! Where in a distributed trace a thing stands: places that follow from hashes.
//!
//! The trace of a transaction, and of a batch, is named by its hash: every
//! service finds the same trace without being told, and so does anyone who
//! looks for it. Deliberately absent: spans, clocks, and how they are sent.

use alloy_primitives::{B256, hex};

/// A span by its trace and its own id, as W3C Trace Context has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanPoint {
    /// Trace id.
    pub trace: [u8; 16],
    /// Span id.
    pub span: [u8; 8],
}

impl SpanPoint {
    /// Length of its text.
    pub const TEXT_LEN: usize = 48;

    /// The first span of the trace of what has this hash: bytes 0 to 15 name the trace, 16 to 23 the span.
    pub fn of(hash: &B256) -> Self {
        let (mut trace, mut span) = ([0; 16], [0; 8]);
        trace.copy_from_slice(&hash[..16]);
        span.copy_from_slice(&hash[16..24]);
        Self { trace, span }
    }

    /// Trace id and span id as 48 hexadecimal digits.
    pub fn to_text(self) -> String {
        hex::encode(self.trace) + &hex::encode(self.span)
    }

    /// From 48 hexadecimal digits; `None` for anything else, and for ids of zeros, which W3C Trace Context forbids.
    pub fn from_text(text: &str) -> Option<Self> {
        let (mut bytes, mut hash) = ([0; 24], B256::ZERO);
        hex::decode_to_slice(Some(text).filter(|text| text.len() == Self::TEXT_LEN)?, &mut bytes).ok()?;
        hash[..24].copy_from_slice(&bytes);
        Some(Self::of(&hash)).filter(|point| point.trace != [0; 16] && point.span != [0; 8])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_beginning_of_the_hash() {
        let hash = B256::from(std::array::from_fn(|at| at as u8 + 1));
        let point = SpanPoint::of(&hash);
        assert_eq!(point.to_text(), hash.to_string()[2..50]);
        assert_eq!(SpanPoint::from_text(&point.to_text()), Some(point));
        let text = point.to_text();
        for wrong in
            ["", &text[1..], &format!("{text}0"), &"0".repeat(48), &text.replace('1', "g"), &"\u{e9}".repeat(24)]
        {
            assert_eq!(SpanPoint::from_text(wrong), None, "{wrong}");
        }
    }
}
