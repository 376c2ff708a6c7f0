//! What a bench prints.

use std::fmt;

use serde::Serialize;

/// One figure. `ratio` is above 1 where ours is better than the baseline.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Stable name.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// What it is compared with; null where nothing was run beside it.
    pub baseline: Option<&'static str>,
    /// The baseline's figure.
    pub baseline_value: Option<f64>,
    /// How much better ours is.
    pub ratio: Option<f64>,
    /// Cores of the machine.
    pub cores: usize,
    /// Threads used.
    pub threads: usize,
    /// Commit of the repository, where known.
    pub commit: String,
}

impl Row {
    /// A figure without a baseline.
    pub fn new(name: &str, value: f64, unit: &'static str) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            name: name.to_owned(),
            value,
            unit,
            baseline: None,
            baseline_value: None,
            ratio: None,
            cores,
            threads: cores,
            commit: commit(),
        }
    }
}

impl Row {
    /// A figure beside a baseline's.
    pub fn compared(
        name: &str,
        value: f64,
        unit: &'static str,
        baseline: &'static str,
        baseline_value: f64,
        ratio: f64,
        threads: usize,
    ) -> Self {
        let (baseline, baseline_value, ratio) = (Some(baseline), Some(baseline_value), Some(ratio));
        Self { baseline, baseline_value, ratio, threads, ..Self::new(name, value, unit) }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, unit, .. } = self;
        write!(f, "{name:<22} {value:>12.2} {unit:<5}")?;
        if let (Some(baseline), Some(was), Some(ratio)) = (self.baseline, self.baseline_value, self.ratio) {
            write!(f, " {ratio:>6.2} x   {was:.2} {unit} {baseline}")?;
        }
        Ok(())
    }
}

fn commit() -> String {
    let output = std::process::Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    if text.is_empty() { "unknown".to_owned() } else { text }
}
