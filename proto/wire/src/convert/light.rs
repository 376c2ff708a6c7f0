//! Judgements, confidence and claims of a light client.

use weft_primitives::Namespace;
use weft_verdict::{BlobClaim, ChainConfidence, Judgement, Lowest, Verdict};

use super::field::{WireError, bytes, hash};
use crate::pb::light::v1 as pb;

impl From<&Judgement> for pb::Judgement {
    fn from(judgement: &Judgement) -> Self {
        let mut message = Self {
            height: judgement.height,
            header_hash: bytes(judgement.header_hash),
            available: judgement.available,
            encoded: judgement.encoded,
            samples: judgement.samples,
            payload_bytes: judgement.payload_bytes,
            downloaded_bytes: judgement.downloaded_bytes,
            elapsed_ms: judgement.elapsed_ms,
            linked: judgement.linked,
            ..Default::default()
        };
        message.set_verdict(match &judgement.verdict {
            Verdict::Available => pb::Verdict::Available,
            Verdict::Unavailable { .. } => pb::Verdict::Unavailable,
            Verdict::WrongEncoding { .. } => pb::Verdict::WrongEncoding,
            Verdict::WrongIndex => pb::Verdict::WrongIndex,
            Verdict::Tampered { .. } => pb::Verdict::Tampered,
            Verdict::Undecided => pb::Verdict::Undecided,
        });
        match &judgement.verdict {
            Verdict::Unavailable { missing_rows, missing_digests } => {
                message.missing_rows.clone_from(missing_rows);
                message.missing_digests = *missing_digests;
            }
            Verdict::WrongEncoding { row } => message.row = Some(*row),
            Verdict::Tampered { row } => message.row = *row,
            Verdict::Available | Verdict::WrongIndex | Verdict::Undecided => {}
        }
        message
    }
}

/// A confidence must be a number from 0 to 1.
fn part(field: &'static str, value: f64) -> Result<f64, WireError> {
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(WireError::new(field, "must be from 0 to 1")) }
}

impl TryFrom<pb::Judgement> for Judgement {
    type Error = WireError;

    fn try_from(message: pb::Judgement) -> Result<Self, WireError> {
        let verdict = match message.verdict() {
            pb::Verdict::Available => Verdict::Available,
            pb::Verdict::Unavailable => {
                Verdict::Unavailable { missing_rows: message.missing_rows, missing_digests: message.missing_digests }
            }
            pb::Verdict::WrongEncoding => {
                Verdict::WrongEncoding { row: message.row.ok_or_else(|| WireError::new("row", "is missing"))? }
            }
            pb::Verdict::WrongIndex => Verdict::WrongIndex,
            pb::Verdict::Tampered => Verdict::Tampered { row: message.row },
            pb::Verdict::Undecided => Verdict::Undecided,
            pb::Verdict::Unspecified => return Err(WireError::new("verdict", "is unknown")),
        };
        Ok(Self {
            height: message.height,
            header_hash: hash("header_hash", &message.header_hash)?,
            verdict,
            available: part("available", message.available)?,
            encoded: part("encoded", message.encoded)?,
            samples: message.samples,
            payload_bytes: message.payload_bytes,
            downloaded_bytes: message.downloaded_bytes,
            elapsed_ms: Some(message.elapsed_ms)
                .filter(|ms| ms.is_finite() && *ms >= 0.0)
                .ok_or_else(|| WireError::new("elapsed_ms", "is no time"))?,
            linked: message.linked,
        })
    }
}

impl From<&ChainConfidence> for pb::ChainConfidence {
    fn from(confidence: &ChainConfidence) -> Self {
        Self {
            from_height: confidence.from_height,
            to_height: confidence.to_height,
            available: confidence.available,
            lowest_confidence: confidence.lowest.map(|lowest| lowest.confidence),
            lowest_height: confidence.lowest.map(|lowest| lowest.height),
            joint: confidence.joint,
            exceptions: confidence.exceptions,
            exception_heights: confidence.exception_heights.clone(),
        }
    }
}

impl TryFrom<pb::ChainConfidence> for ChainConfidence {
    type Error = WireError;

    fn try_from(message: pb::ChainConfidence) -> Result<Self, WireError> {
        let lowest = match (message.lowest_height, message.lowest_confidence) {
            (Some(height), Some(confidence)) => {
                Some(Lowest { height, confidence: part("lowest_confidence", confidence)? })
            }
            _ => None,
        };
        Ok(Self {
            from_height: message.from_height,
            to_height: message.to_height,
            available: message.available,
            lowest,
            joint: part("joint", message.joint)?,
            exceptions: message.exceptions,
            exception_heights: message.exception_heights,
        })
    }
}

impl From<&BlobClaim> for pb::BlobClaim {
    fn from(claim: &BlobClaim) -> Self {
        Self {
            namespace: bytes(claim.namespace.0),
            content_hash: bytes(claim.hash),
            height: claim.height,
            offset: claim.offset,
            length: claim.length,
        }
    }
}

impl TryFrom<pb::BlobClaim> for BlobClaim {
    type Error = WireError;

    fn try_from(message: pb::BlobClaim) -> Result<Self, WireError> {
        Ok(Self {
            namespace: Namespace(hash("namespace", &message.namespace)?.0),
            hash: hash("content_hash", &message.content_hash)?,
            height: message.height,
            offset: message.offset,
            length: message.length,
        })
    }
}
