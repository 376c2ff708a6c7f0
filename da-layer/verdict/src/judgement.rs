//! What a client found out about one block.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// The verdict on one block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The data is there and rightly encoded, with the wanted confidence.
    Available,
    /// Nodes did not give these rows, or the digests.
    Unavailable {
        /// Rows asked for in vain.
        missing_rows: Vec<u32>,
        /// Whether the digests were not to be had.
        missing_digests: bool,
    },
    /// The producer committed to a row outside of the certified codeword. Final, and proved by the row.
    WrongEncoding {
        /// The row.
        row: u32,
    },
    /// The data is there, but its blob index is not the one that the header commits to. Final.
    WrongIndex,
    /// For this row (or, without one, for the digests) there were forged answers and no good one.
    Tampered {
        /// The row.
        row: Option<u32>,
    },
    /// No node could be reached, so nothing was found out.
    Undecided,
}

impl Verdict {
    /// Name in metrics and in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Unavailable { .. } => "unavailable",
            Self::WrongEncoding { .. } => "wrong_encoding",
            Self::WrongIndex => "wrong_index",
            Self::Tampered { .. } => "tampered",
            Self::Undecided => "undecided",
        }
    }

    /// Whether judging again cannot change it.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Available | Self::WrongEncoding { .. } | Self::WrongIndex)
    }

    /// Whether the block may be relied on.
    pub const fn is_available(&self) -> bool {
        matches!(self, Self::Available)
    }
}

/// The judgement of one block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Height of the block.
    pub height: u64,
    /// Hash of the header that was judged.
    pub header_hash: B256,
    /// What came out.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Confidence that all data can be rebuilt, 0 to 1.
    pub available: f64,
    /// Confidence that the rows belong to one codeword, 0 to 1.
    pub encoded: f64,
    /// Good samples (or original rows, if all were downloaded).
    pub samples: u32,
    /// Length of the block's payload, bytes.
    pub payload_bytes: u64,
    /// Header, digests, rows and paths received, good or not, in bytes; without the framing of the transport.
    pub downloaded_bytes: u64,
    /// Time from the verified header to the verdict, milliseconds.
    pub elapsed_ms: f64,
    /// Whether the header was linked to the one before it (else it was taken by its signature alone).
    pub linked: bool,
}

impl Judgement {
    /// The lower one of the two confidences.
    pub fn confidence(&self) -> f64 {
        self.available.min(self.encoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdict_lies_flat_in_the_json() {
        let judgement = Judgement {
            height: 7,
            header_hash: B256::repeat_byte(1),
            verdict: Verdict::Unavailable { missing_rows: vec![3, 9], missing_digests: false },
            available: 0.5,
            encoded: 0.25,
            samples: 23,
            payload_bytes: 100_000,
            downloaded_bytes: 8_000,
            elapsed_ms: 12.5,
            linked: true,
        };
        let value = serde_json::to_value(&judgement).expect("plain data");
        assert_eq!(value["verdict"], "unavailable");
        assert_eq!(value["missing_rows"], serde_json::json!([3, 9]));
        let text = serde_json::to_string(&judgement).expect("plain data");
        assert_eq!(serde_json::from_str::<Judgement>(&text).expect("own output"), judgement);
        assert_eq!(judgement.confidence(), 0.25);
    }
}
