//! What a metric is called and means, in one row each.
//!
//! Every service lists its metrics in a `METRICS` of its own and hands that to
//! [`announce`] when it starts. The same rows make `weft metrics` and
//! `config/metrics.md`; a test compares them with what the code counts and
//! with what running services expose.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// How a metric moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only up, and from 0 again after a restart.
    Counter,
    /// Up and down.
    Gauge,
    /// How often which values came.
    Histogram,
}

impl Kind {
    /// As Prometheus writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Full name.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it means, for operators.
    pub help: &'static str,
}

impl Metric {
    /// A counter; its name must end with `_total`.
    pub const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, labels, help }
    }

    /// A gauge.
    pub const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, labels, help }
    }

    /// A histogram.
    pub const fn histogram(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind: Kind::Histogram, labels, help }
    }

    /// The unit that its name tells: `seconds`, `bytes`, or empty for a number of what the name says.
    pub fn unit(&self) -> &'static str {
        let stem = self.name.strip_suffix("_total").unwrap_or(self.name);
        ["seconds", "bytes"].into_iter().find(|unit| stem.ends_with(unit)).unwrap_or("")
    }

    /// What its name has against the conventions of Prometheus, if anything.
    pub fn misnamed(&self) -> Option<&'static str> {
        const SCALED: [&str; 10] =
            ["ms", "millis", "milliseconds", "us", "micros", "ns", "nanos", "kb", "mb", "minutes"];
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let ends_with_total = self.name.ends_with("_total");
        if !self.name.starts_with("weft_") || !self.name.bytes().all(plain) {
            Some("names begin with weft_ and are of lower case letters, digits and _")
        } else if (self.kind == Kind::Counter) != ends_with_total {
            Some("counters, and nothing else, end with _total")
        } else if self.name.split('_').any(|word| SCALED.contains(&word)) {
            Some("units are seconds and bytes")
        } else if ["_sum", "_count", "_bucket"].iter().any(|suffix| self.name.ends_with(suffix)) {
            Some("_sum, _count and _bucket are parts of histograms")
        } else {
            None
        }
    }
}

/// Gives `/metrics` the help texts, and counters without labels their 0: a counter that appears with its first event
/// hides that event from `increase()`.
pub fn announce(metrics: &[Metric]) {
    crate::telemetry::metrics();
    for metric in metrics {
        let Metric { name, kind, labels, help } = *metric;
        match kind {
            Kind::Counter => describe_counter!(name, help),
            Kind::Gauge => describe_gauge!(name, help),
            Kind::Histogram => describe_histogram!(name, help),
        }
        if kind == Kind::Counter && labels.is_empty() {
            metrics::counter!(name).increment(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        let wrong = |metric: Metric| metric.misnamed().is_some();
        assert!(!wrong(Metric::counter("weft_a_bytes_total", &[], "")));
        assert!(wrong(Metric::counter("weft_a_bytes", &[], "")));
        assert!(wrong(Metric::gauge("weft_a_total", &[], "")));
        assert!(wrong(Metric::gauge("weft_a_ms", &[], "")));
        assert!(wrong(Metric::histogram("weft_a_us_seconds", &[], "")));
        assert!(wrong(Metric::gauge("weft_A", &[], "")));
        assert!(wrong(Metric::gauge("a", &[], "")));
        assert!(wrong(Metric::gauge("weft_a_count", &[], "")));
        assert_eq!(Metric::counter("weft_a_bytes_total", &[], "").unit(), "bytes");
        assert_eq!(Metric::histogram("weft_a_seconds", &[], "").unit(), "seconds");
        assert_eq!(Metric::gauge("weft_a", &[], "").unit(), "");
    }

    #[test]
    fn counters_are_there_before_they_count() {
        announce(&[
            Metric::counter("weft_test_announced_total", &[], "Seen from the start."),
            Metric::counter("weft_test_labelled_total", &["how"], "Seen once it counts."),
        ]);
        let text = crate::telemetry::metrics().render();
        assert!(text.contains("# HELP weft_test_announced_total Seen from the start."), "{text}");
        assert!(text.contains("\nweft_test_announced_total 0\n"), "{text}");
        assert!(!text.contains("weft_test_labelled_total"), "{text}");
    }
}
