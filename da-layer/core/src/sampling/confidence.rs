//! How sure a number of good samples makes a client.
//!
//! - If the block cannot be rebuilt, fewer than `k` of `4k` rows are served, so
//!   one sample drawn at random succeeds with a chance below 1/4.
//! - If the committed matrix is farther than half the code's distance from
//!   every codeword, more than 3/8 of its rows disagree with the digests, so
//!   one sample passes with a chance of at most 5/8. (Half the distance is
//!   3/8 of the rows at rate 1/4; closer than that the codeword is unique.)
//!
//! Samples are drawn without replacement, which only helps (in the tails above
//! the mean, which are those that reach a target). A row that was asked for and
//! not got counts against both, by the binomial tail: an adversary may answer
//! just the samples that it likes. The rows that it serves at all must not
//! depend on who asks: ask several nodes.

/// Chance that one sample of an unrecoverable block succeeds.
const WITHHELD_PASS: f64 = 1.0 / 4.0;

/// Chance that one sample of a wrongly encoded block passes.
const WRONG_ENCODING_PASS: f64 = 5.0 / 8.0;

/// More samples than any target needs.
const MAX_SAMPLES: u32 = 256;

/// How sure a client wants to be, on both counts: `1 - risk`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    confidence: f64,
}

/// The wanted confidence is out of range.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("confidence must be at least 0.5 and at most 1 - 10^-12")]
pub struct TargetError;

impl Target {
    /// A confidence from 0.5 to `1 - 10^-12`.
    pub fn new(confidence: f64) -> Result<Self, TargetError> {
        if (0.5..=1.0 - 1e-12).contains(&confidence) { Ok(Self { confidence }) } else { Err(TargetError) }
    }

    /// The wanted confidence.
    pub const fn confidence(&self) -> f64 {
        self.confidence
    }

    /// Good samples that it takes when none is missing.
    pub fn samples(&self) -> u32 {
        (1..MAX_SAMPLES).find(|count| Confidence::after(*count, 0).reaches(self)).unwrap_or(MAX_SAMPLES)
    }
}

impl Default for Target {
    fn default() -> Self {
        Self { confidence: 0.99999 }
    }
}

/// What a client knows about a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence {
    /// That the block can be rebuilt.
    pub available: f64,
    /// That the committed rows belong to one codeword.
    pub encoded: f64,
    /// Good samples that this rests on.
    pub samples: u32,
}

impl Confidence {
    /// Confidence after `good` samples while `missing` others were not to be had.
    pub fn after(good: u32, missing: u32) -> Self {
        Self {
            available: 1.0 - binomial_tail(good + missing, good, WITHHELD_PASS),
            encoded: 1.0 - binomial_tail(good + missing, good, WRONG_ENCODING_PASS),
            samples: good,
        }
    }

    /// Certainty of a client that has the whole block and encoded it itself.
    pub const fn whole(rows: u32) -> Self {
        Self { available: 1.0, encoded: 1.0, samples: rows }
    }

    /// Whether both counts reach the target.
    pub fn reaches(&self, target: &Target) -> bool {
        self.available >= target.confidence && self.encoded >= target.confidence
    }
}

/// Chance of at least `least` successes in `trials`, each with chance `p`.
fn binomial_tail(trials: u32, least: u32, p: f64) -> f64 {
    let mut term = p.powi(trials as i32); // exactly `trials` successes
    let mut sum = 0.0;
    for successes in (least..=trials).rev() {
        sum += term;
        term *= f64::from(successes) / f64::from(trials - successes + 1) * (1.0 - p) / p;
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::DEFAULT_SAMPLES;

    #[test]
    fn sample_counts() {
        assert_eq!(Target::default().samples(), DEFAULT_SAMPLES);
        assert_eq!(Target::new(0.99).map(|target| target.samples()), Ok(10));
        assert_eq!(Target::new(1.0), Err(TargetError));
        assert_eq!(Target::new(f64::NAN), Err(TargetError));
    }

    #[test]
    fn tails() {
        let all = Confidence::after(9, 0);
        assert!((all.available - (1.0 - 0.25f64.powi(9))).abs() < 1e-15);
        assert!((all.encoded - (1.0 - 0.625f64.powi(9))).abs() < 1e-15);
        // At least 1 of 2 with chance 1/4: 7/16.
        assert!((Confidence::after(1, 1).available - 9.0 / 16.0).abs() < 1e-15);
        assert!(Confidence::after(0, 10).available.abs() < 1e-12);
        assert!(Confidence::after(25, 3).encoded < Confidence::after(25, 0).encoded);
    }
}
