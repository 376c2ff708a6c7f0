//! What all judgements together are worth: the confidence over a range of heights.
//!
//! A height judged available with confidence `c_h` (the lower one of its two)
//! was accepted by a procedure that accepts a block that is not available, or
//! not rightly encoded, with a chance of at most `1 - c_h`. Over a range:
//!
//! - *lowest*: the least `c_h`. Each single height is known at least that well.
//! - *joint*: `1 - sum of (1 - c_h)`, not below 0 (the union bound; nothing is
//!   assumed about how the heights depend on each other). The chance that even
//!   one of the heights accepted is bad is at most `1 - joint`. It holds for
//!   every part of the range as well.
//! - *exceptions*: heights of the range that are not accepted (withheld,
//!   wrong, undecided). Neither number speaks of them. Heights beyond the range
//!   were not judged.
//!
//! The sum is kept as a whole number of `2^-62`, each term rounded up, so a
//! height that is judged again can be taken out exactly and nothing drifts.
//! Heights that are forgotten leave their part of the sum behind ([`Forgotten`]).

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::U128;
use serde::{Deserialize, Serialize};

use crate::judgement::Judgement;

/// Most heights named in a [`ChainConfidence`] that are not accepted.
pub const MAX_NAMED: usize = 100;

/// `1 - c` in units of `2^-62`, rounded up.
type Risk = u64;

/// Risk of a height of which nothing is known.
const CERTAIN: f64 = (1u64 << 62) as f64;

/// The confidence over all heights of a range; see the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChainConfidence {
    /// First height of the range.
    pub from_height: u64,
    /// Last height of the range.
    pub to_height: u64,
    /// Heights accepted.
    pub available: u64,
    /// The accepted height that is known least well.
    pub lowest: Option<Lowest>,
    /// Bound for all accepted heights together, 0 to 1; 0 if there is none.
    pub joint: f64,
    /// Heights not accepted.
    pub exceptions: u64,
    /// The first [`MAX_NAMED`] of them.
    pub exception_heights: Vec<u64>,
}

/// A height and its confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lowest {
    /// The height.
    pub height: u64,
    /// The lower one of its two confidences.
    pub confidence: f64,
}

/// Sum over heights whose judgements are no longer kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    from_height: u64,
    to_height: u64,
    available: u64,
    risk: U128,
    /// Highest risk of one height, and the height.
    worst: Option<(Risk, u64)>,
    exceptions: u64,
    exception_heights: Vec<u64>,
}

/// The judgements of a run of heights without a gap, as far as confidence goes.
#[derive(Clone, Debug, Default)]
pub struct Span {
    forgotten: Option<Forgotten>,
    /// Risk of each height kept; `None` if it is not accepted.
    heights: BTreeMap<u64, Option<Risk>>,
    by_risk: BTreeSet<(Risk, u64)>,
    exceptions: BTreeSet<u64>,
    risk: u128,
}

fn risk_of(judgement: &Judgement) -> Option<Risk> {
    judgement.verdict.is_available().then(|| ((1.0 - judgement.confidence()).clamp(0.0, 1.0) * CERTAIN).ceil() as Risk)
}

impl Span {
    /// Goes on where another left off.
    pub fn resume(forgotten: Forgotten) -> Self {
        Self { forgotten: Some(forgotten), ..Self::default() }
    }

    /// First height, forgotten or not.
    pub fn from_height(&self) -> Option<u64> {
        self.forgotten.as_ref().map(|sum| sum.from_height).or_else(|| self.heights.keys().next().copied())
    }

    /// Last height.
    pub fn to_height(&self) -> Option<u64> {
        self.heights.keys().next_back().copied().or_else(|| self.forgotten.as_ref().map(|sum| sum.to_height))
    }

    /// First height that is not forgotten.
    pub fn kept_from(&self) -> Option<u64> {
        self.heights.keys().next().copied()
    }

    /// Whether the run has this height and has not forgotten it.
    pub fn keeps(&self, height: u64) -> bool {
        self.heights.contains_key(&height)
    }

    /// What is left of the heights forgotten.
    pub const fn forgotten(&self) -> Option<&Forgotten> {
        self.forgotten.as_ref()
    }

    /// Takes the judgement of the next height, or a newer one of a height kept. Others leave a gap, or come too late:
    /// they are not taken, and `false` is returned.
    pub fn insert(&mut self, judgement: &Judgement) -> bool {
        let height = judgement.height;
        let next = self.to_height().map_or(Some(height), |to| to.checked_add(1));
        if !self.keeps(height) && next != Some(height) {
            return false;
        }
        let risk = risk_of(judgement);
        let before = self.heights.insert(height, risk);
        self.take_out(height, before);
        match risk {
            Some(risk) => {
                self.risk += u128::from(risk);
                self.by_risk.insert((risk, height));
            }
            None => drop(self.exceptions.insert(height)),
        }
        true
    }

    fn take_out(&mut self, height: u64, before: Option<Option<Risk>>) {
        match before {
            Some(Some(risk)) => {
                self.risk -= u128::from(risk);
                self.by_risk.remove(&(risk, height));
            }
            Some(None) => drop(self.exceptions.remove(&height)),
            None => {}
        }
    }

    /// Forgets the lowest height kept, but for its part of the sums.
    pub fn forget_lowest(&mut self) {
        let Some((height, risk)) = self.heights.pop_first() else { return };
        self.take_out(height, Some(risk));
        self.forgotten.get_or_insert_with(|| Forgotten::none(height)).add(height, risk);
    }

    /// Over all heights; `None` if there is none.
    pub fn confidence(&self) -> Option<ChainConfidence> {
        let mut sum = self.forgotten.clone();
        if let (Some((first, _)), Some((last, _))) = (self.heights.first_key_value(), self.heights.last_key_value()) {
            let sum = sum.get_or_insert_with(|| Forgotten::none(*first));
            sum.to_height = *last;
            sum.available += self.by_risk.len() as u64;
            sum.risk = sum.risk.saturating_add(U128::from(self.risk));
            sum.worst = sum.worst.max(self.by_risk.last().copied());
            sum.exceptions += self.exceptions.len() as u64;
            let room = MAX_NAMED - sum.exception_heights.len();
            sum.exception_heights.extend(self.exceptions.iter().take(room));
        }
        sum.map(|sum| sum.confidence())
    }

    /// Over the heights from `from` to `to` (both included) that were judged; `None` if none was. A range that begins
    /// or ends among forgotten heights comes out larger, so that it holds all of them.
    pub fn between(&self, from: u64, to: u64) -> Option<ChainConfidence> {
        let mut sum = self.forgotten.clone().filter(|sum| from <= sum.to_height && to >= sum.from_height);
        if from <= to {
            for (height, risk) in self.heights.range(from..=to) {
                sum.get_or_insert_with(|| Forgotten::none(*height)).add(*height, *risk);
            }
        }
        sum.map(|sum| sum.confidence())
    }
}

impl Forgotten {
    const fn none(from_height: u64) -> Self {
        Self {
            from_height,
            to_height: from_height,
            available: 0,
            risk: U128::ZERO,
            worst: None,
            exceptions: 0,
            exception_heights: Vec::new(),
        }
    }

    fn add(&mut self, height: u64, risk: Option<Risk>) {
        self.to_height = height;
        match risk {
            Some(risk) => {
                self.available += 1;
                self.risk = self.risk.saturating_add(U128::from(risk));
                self.worst = self.worst.max(Some((risk, height)));
            }
            None => {
                self.exceptions += 1;
                if self.exception_heights.len() < MAX_NAMED {
                    self.exception_heights.push(height);
                }
            }
        }
    }

    fn confidence(&self) -> ChainConfidence {
        let confidence = |risk: f64| (1.0 - risk / CERTAIN).clamp(0.0, 1.0);
        ChainConfidence {
            from_height: self.from_height,
            to_height: self.to_height,
            available: self.available,
            lowest: self.worst.map(|(risk, height)| Lowest { height, confidence: confidence(risk as f64) }),
            joint: if self.available == 0 { 0.0 } else { confidence(self.risk.to::<u128>() as f64) },
            exceptions: self.exceptions,
            exception_heights: self.exception_heights.clone(),
        }
    }
}

impl ChainConfidence {
    /// Whether every height of the range is accepted.
    pub const fn is_complete(&self) -> bool {
        self.exceptions == 0
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use proptest::prelude::*;

    use super::*;
    use crate::judgement::Verdict;

    fn judgement(height: u64, confidence: Option<f64>) -> Judgement {
        let confidence_or_none = confidence.unwrap_or(0.25);
        Judgement {
            height,
            header_hash: B256::ZERO,
            verdict: if confidence.is_some() { Verdict::Available } else { Verdict::WrongIndex },
            available: 1.0,
            encoded: confidence_or_none,
            samples: 25,
            payload_bytes: 1,
            downloaded_bytes: 1,
            elapsed_ms: 1.0,
            linked: true,
        }
    }

    #[test]
    fn sums_the_risks_of_what_is_accepted() {
        let mut span = Span::default();
        assert_eq!((span.confidence(), span.between(1, 9)), (None, None));
        for (height, confidence) in [(5, Some(0.99)), (6, Some(0.999)), (7, None), (8, Some(0.98))] {
            assert!(span.insert(&judgement(height, confidence)));
        }
        assert!(!span.insert(&judgement(10, Some(0.9))) && !span.insert(&judgement(4, Some(0.9))), "no gaps");
        let all = span.confidence().expect("heights");
        assert_eq!((all.from_height, all.to_height, all.available), (5, 8, 3));
        assert!((all.joint - (1.0 - 0.031)).abs() < 1e-12);
        assert_eq!((all.exceptions, all.exception_heights.as_slice(), all.is_complete()), (1, &[7][..], false));
        let lowest = all.lowest.expect("accepted heights");
        assert!(lowest.height == 8 && (lowest.confidence - 0.98).abs() < 1e-12);
        // Judged again: healed.
        assert!(span.insert(&judgement(7, Some(1.0))));
        assert!(span.confidence().is_some_and(|all| all.is_complete() && all.available == 4));
        let part = span.between(6, 7).expect("heights");
        assert!((part.from_height, part.to_height) == (6, 7) && (part.joint - 0.999).abs() < 1e-12);
    }

    #[test]
    fn many_uncertain_heights_leave_nothing() {
        let mut span = Span::default();
        (1..=300).for_each(|height| assert!(span.insert(&judgement(height, Some(0.99)))));
        let all = span.confidence().expect("heights");
        assert!(all.joint == 0.0 && all.lowest.is_some_and(|lowest| lowest.confidence > 0.98));
        let wrong = judgement(301, None);
        let mut only_wrong = Span::default();
        assert!(only_wrong.insert(&wrong));
        assert_eq!(only_wrong.confidence().map(|one| (one.joint, one.lowest)), Some((0.0, None)));
    }

    proptest! {
        /// Whatever is judged again and forgotten, and over a restart: as if all had been kept and summed once.
        #[test]
        fn is_the_sum_of_what_was_judged(
            events in proptest::collection::vec((0u8..10, any::<prop::sample::Index>(), 0u32..=1_000), 1..120),
        ) {
            let mut span = Span::default();
            let mut model: BTreeMap<u64, Option<f64>> = BTreeMap::new();
            let (mut next, mut kept_from) = (7u64, 7u64);
            for (kind, at, confidence) in events {
                let confidence = (confidence > 0).then(|| 0.9 + f64::from(confidence) / 10_000.0);
                match kind {
                    0 | 1 if kept_from < next => {
                        span.forget_lowest();
                        kept_from += 1;
                    }
                    2 if kept_from < next => {
                        let height = kept_from + at.index((next - kept_from) as usize) as u64;
                        prop_assert!(span.insert(&judgement(height, confidence)));
                        model.insert(height, confidence);
                    }
                    3 if span.forgotten().is_some() => {
                        // A restart: what is forgotten is read, what is kept is told again.
                        let text = serde_json::to_string(span.forgotten().expect("some")).expect("plain");
                        span = Span::resume(serde_json::from_str(&text).expect("own output"));
                        model.range(kept_from..).for_each(|(height, one)| assert!(span.insert(&judgement(*height, *one))));
                    }
                    _ => {
                        prop_assert!(span.insert(&judgement(next, confidence)));
                        model.insert(next, confidence);
                        next += 1;
                    }
                }
            }
            prop_assert_eq!(span.to_height(), model.keys().next_back().copied());
            let Some(all) = span.confidence() else { return Ok(()) };
            let between = span.between(0, u64::MAX);
            prop_assert_eq!(Some(&all), between.as_ref());
            let risk: f64 = model.values().flatten().map(|one| 1.0 - one).sum();
            let accepted = model.values().flatten().count() as u64;
            prop_assert_eq!((all.available, all.exceptions), (accepted, model.len() as u64 - accepted));
            let joint = if accepted == 0 { 0.0 } else { (1.0 - risk).max(0.0) };
            prop_assert!((all.joint - joint).abs() < 1e-9, "{} {joint}", all.joint);
            let lowest = model.values().flatten().copied().reduce(f64::min);
            prop_assert!(all.lowest.map(|one| one.confidence).zip(lowest).is_none_or(|(a, b)| (a - b).abs() < 1e-9));
            prop_assert_eq!(all.lowest.is_some(), lowest.is_some());
        }
    }
}
