//! Logs by tracing, metrics by the Prometheus recorder; both once a process.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Bounds of every histogram that is named `*_seconds`.
const SECONDS: [f64; 14] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Starts logging to standard error. `filter` is in tracing's syntax, as `info,weft_sequencer=debug`; `RUST_LOG` goes
/// before it. Later calls change nothing.
pub fn init_logs(filter: &str, json: bool) {
    let filter = EnvFilter::try_from_default_env().or_else(|_| EnvFilter::try_new(filter)).unwrap_or_default();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (tests, `weft dev`) keeps the first.
    let _ = if json { builder.json().try_init() } else { builder.try_init() };
}

/// The process's metrics, as text for Prometheus. Installs the recorder on first use.
pub fn metrics() -> &'static PrometheusHandle {
    METRICS.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .expect("bounds are not empty");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Fails only if a program that embeds us has a recorder of its own: then that one gets the figures.
        let _ = metrics::set_global_recorder(recorder);
        metrics::gauge!("weft_build_info", "version" => crate::VERSION).set(1.0);
        handle
    })
}
