//! Logs by tracing, metrics by the Prometheus recorder; both once a process.

use std::convert::Infallible;
use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::catalogue::Metric;

/// What every process has.
pub const METRICS: &[Metric] =
    &[Metric::gauge("weft_build_info", &["version"], "1; the label says which version of Weft runs.")];

/// Changes the filter of the process's log.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Bounds of every histogram that is named `*_seconds`.
const SECONDS: [f64; 14] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Bounds of every histogram that is named `*_speed_up`.
const SPEED_UPS: [f64; 14] = [0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 64.0];

/// How often the recorder sums up its samples, which it otherwise keeps until someone reads them.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts logging to standard error. `filter` is in tracing's syntax, as `info,weft_sequencer=debug`; `RUST_LOG` goes
/// before it; what is malformed is passed over with a warning. Later calls change nothing.
pub fn init_logs(filter: &str, json: bool) {
    let wanted = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let (filter, refused) = choose(wanted.iter().map(String::as_str).chain([filter]));
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours());
    let lines = if json { lines.json().boxed() } else { lines.boxed() };
    // A second start in one process (tests) keeps the first.
    if tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok() {
        let _ = FILTER.set(handle);
    }
    for why in refused {
        tracing::warn!("log filter {why}");
    }
}

/// Whether standard error takes colours: it is a terminal, and its user has not declined them (<https://no-color.org>).
fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Why the filter stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum SetFilterError {
    /// It is not in tracing's syntax.
    #[error("not a log filter: {0}; as info, or info,weft_sequencer=debug")]
    Malformed(String),
    /// The program that embeds the service has a log of its own.
    #[error("this process has no log of ours")]
    NotStarted,
}

/// Changes what is logged from now on.
pub fn set_filter(filter: &str) -> Result<(), SetFilterError> {
    let parsed = EnvFilter::try_new(filter).map_err(|error| SetFilterError::Malformed(error.to_string()))?;
    let handle = FILTER.get().ok_or(SetFilterError::NotStarted)?;
    handle.reload(parsed).map_err(|_| SetFilterError::NotStarted)?;
    tracing::info!(filter, "log filter changed");
    Ok(())
}

/// What is logged, in the syntax of [`init_logs`]; `None` before that.
pub fn filter() -> Option<String> {
    FILTER.get()?.with_current(ToString::to_string).ok()
}

/// The first filter that parses, else `info`; and what is wrong with those before it.
fn choose<'a>(candidates: impl Iterator<Item = &'a str>) -> (EnvFilter, Vec<String>) {
    let mut refused = Vec::new();
    for text in candidates {
        match EnvFilter::try_new(text) {
            Ok(filter) => return (filter, refused),
            Err(error) => refused.push(format!("{text:?}: {error}")),
        }
    }
    (EnvFilter::new("info"), refused)
}

/// The process's metrics, as text for Prometheus. Installs the recorder on first use.
pub fn metrics() -> &'static PrometheusHandle {
    RECORDER.get_or_init(|| {
        let bounds = [("_seconds", &SECONDS), ("_speed_up", &SPEED_UPS)];
        let builder = bounds.into_iter().fold(PrometheusBuilder::new(), |builder, (suffix, bounds)| {
            let names = Matcher::Suffix(suffix.to_owned());
            builder.set_buckets_for_metric(names, bounds).expect("bounds are not empty")
        });
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Fails only if a program that embeds us has a recorder of its own: then that one gets the figures.
        let _ = metrics::set_global_recorder(recorder);
        metrics::describe_gauge!("weft_build_info", METRICS[0].help);
        metrics::gauge!("weft_build_info", "version" => crate::VERSION).set(1.0);
        handle
    })
}

/// Sums up samples now and then, for ever: without it histograms grow while nobody asks for `/metrics`.
pub(crate) async fn upkeep() -> Infallible {
    loop {
        metrics().run_upkeep();
        tokio::time::sleep(UPKEEP).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_filters_are_passed_over_and_named() {
        let (filter, refused) = choose(["weft=loud", "weft_da=debug"].into_iter());
        assert_eq!((filter.to_string().as_str(), refused.len()), ("weft_da=debug", 1));
        assert!(refused.iter().all(|why| why.contains("weft=loud")), "{refused:?}");
        let (filter, refused) = choose(["=,="].into_iter());
        assert_eq!((filter.to_string().as_str(), refused.len()), ("info", 1));
    }

    #[test]
    fn the_recorder_is_installed_once() {
        let first = metrics();
        metrics::histogram!("weft_test_seconds").record(0.002);
        metrics::histogram!("weft_test_speed_up").record(1.75);
        metrics().run_upkeep();
        let text = metrics().render();
        assert!(std::ptr::eq(first, metrics()));
        assert!(text.contains(&format!("weft_build_info{{version=\"{}\"}} 1", crate::VERSION)), "{text}");
        assert!(text.contains("weft_test_seconds_bucket{le=\"0.0025\"} 1"), "{text}");
        assert!(text.contains("weft_test_speed_up_bucket{le=\"2\"} 1"), "{text}");
    }
}
