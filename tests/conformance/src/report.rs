//! What became of the cases: how many passed, what failed, and why some were not run.

use std::collections::BTreeMap;
use std::fmt;

use crate::difference::Difference;

/// Failures that are printed in full.
const SHOWN: usize = 20;

/// Counts of one kind of cases.
#[derive(Debug, Default)]
pub struct Report {
    name: &'static str,
    passed: u64,
    failed: u64,
    shown: Vec<String>,
    /// By reason.
    skipped: BTreeMap<String, u64>,
    /// Instead of all counts.
    absent: Option<String>,
}

impl Report {
    /// Nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// Nothing, because there are no cases.
    pub fn absent(name: &'static str, why: String) -> Self {
        Self { absent: Some(why), ..Self::new(name) }
    }

    /// Takes in how a case ended.
    pub fn add(&mut self, case: impl fmt::Display, ended: Result<Verdict, Difference>) {
        match ended {
            Ok(Verdict::Passed) => self.passed += 1,
            Ok(Verdict::Skipped(reason)) => *self.skipped.entry(reason.to_owned()).or_default() += 1,
            Err(difference) => {
                self.failed += 1;
                if self.shown.len() < SHOWN {
                    self.shown.push(format!("{case}: {difference}"));
                }
            }
        }
    }

    /// Takes in another report of the same kind, of cases after these.
    pub fn merge(&mut self, later: Self) {
        self.passed += later.passed;
        self.failed += later.failed;
        let room = SHOWN - self.shown.len();
        self.shown.extend(later.shown.into_iter().take(room));
        for (reason, count) in later.skipped {
            *self.skipped.entry(reason).or_default() += count;
        }
    }

    /// Whether nothing failed, and something ran if there was anything to run.
    pub fn is_good(&self) -> bool {
        self.failed == 0 && (self.passed > 0 || self.absent.is_some())
    }
}

/// How a case ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is as it should be.
    Passed,
    /// It was not run, or not judged by what it says.
    Skipped(&'static str),
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, passed, failed, .. } = self;
        for (reason, count) in &self.skipped {
            writeln!(out, "{name}: skipped {count}: {reason}")?;
        }
        for failure in &self.shown {
            writeln!(out, "{name}: failed: {failure}")?;
        }
        let skipped: u64 = self.skipped.values().sum();
        write!(out, "{name}: {passed} passed, {failed} failed, {skipped} skipped")?;
        match &self.absent {
            Some(why) => write!(out, " ({why})"),
            None => Ok(()),
        }
    }
}
