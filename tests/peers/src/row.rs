//! What is printed: the same rows as `weft bench`.

use std::fmt;
use std::process::Command;

use serde::Serialize;

/// Ours beside one peer. `ratio` is above 1 where ours is better.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Stable name.
    pub name: String,
    /// Ours.
    pub value: f64,
    /// Unit of both figures.
    pub unit: &'static str,
    /// The peer, its version, and what of it was timed.
    pub baseline: String,
    /// The peer's figure.
    pub baseline_value: f64,
    /// How much better ours is.
    pub ratio: f64,
    /// Cores of the machine.
    pub cores: usize,
    /// Threads that both had.
    pub threads: usize,
    /// Commit of this repository, where known.
    pub commit: String,
}

/// What does not change from row to row.
pub struct Place {
    cores: usize,
    threads: usize,
    commit: String,
}

impl Place {
    /// This machine and repository, with so many threads.
    pub fn here(threads: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { cores, threads, commit: commit() }
    }

    /// Rates in MB/s: more is better.
    pub fn rate(&self, name: &str, ours: f64, baseline: &str, theirs: f64) -> Row {
        self.row(name, "MB/s", ours, baseline, theirs, ours / theirs)
    }

    /// Times in microseconds: less is better.
    pub fn time(&self, name: &str, ours: f64, baseline: &str, theirs: f64) -> Row {
        self.row(name, "us", ours, baseline, theirs, theirs / ours)
    }

    /// Rates of updates: more is better.
    pub fn updates(&self, name: &str, ours: f64, baseline: &str, theirs: f64) -> Row {
        self.row(name, "updates/s", ours, baseline, theirs, ours / theirs)
    }

    fn row(&self, name: &str, unit: &'static str, value: f64, baseline: &str, theirs: f64, ratio: f64) -> Row {
        let Self { cores, threads, commit } = self;
        let (name, baseline, commit) = (name.to_owned(), baseline.to_owned(), commit.clone());
        Row { name, value, unit, baseline, baseline_value: theirs, ratio, cores: *cores, threads: *threads, commit }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, unit, baseline, baseline_value, ratio, .. } = self;
        write!(f, "{name:<17} {value:>10.2} {unit:<9} {ratio:>6.2} x   {baseline_value:.2} {unit} {baseline}")
    }
}

fn commit() -> String {
    let output = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    if text.is_empty() { "unknown".to_owned() } else { text }
}
