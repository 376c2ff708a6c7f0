//! `weft metrics`: every metric there is, from the services' own catalogues.

use serde_json::{Value, json};
use weft_service::catalogue::Metric;

use crate::args::MetricsArgs;
use crate::output::{Exit, Failure, print};

/// Who has which metrics.
const SECTIONS: [(&str, &[Metric]); 9] = [
    ("Every service", weft_service::telemetry::METRICS),
    ("Every service that traces", weft_service::trace::METRICS),
    ("Sequencer", weft_sequencer::metrics::METRICS),
    ("Follower, and a sequencer that derives what it has lost", weft_sequencer::metrics::NODE_METRICS),
    ("State, of sequencer and follower", weft_sequencer::metrics::STATE_METRICS),
    ("JSON-RPC, of sequencer and follower", weft_sequencer::metrics::RPC_METRICS),
    ("DA node", weft_da_node::metrics::METRICS),
    ("Light client", weft_light::metrics::METRICS),
    ("Settlement", weft_settlement_node::metrics::METRICS),
];

/// Runs the command.
pub fn run(args: &MetricsArgs) -> Result<Exit, Failure> {
    print(args.json, &values(), || table().trim_end().to_owned())?;
    Ok(Exit::Ok)
}

fn values() -> Vec<Value> {
    let value = |section: &str, metric: &Metric| {
        json!({
            "section": section, "name": metric.name, "type": metric.kind.name(), "unit": metric.unit(),
            "labels": metric.labels, "help": metric.help,
        })
    };
    SECTIONS.iter().flat_map(|(section, metrics)| metrics.iter().map(move |metric| value(section, metric))).collect()
}

/// As in `config/metrics.md`.
fn table() -> String {
    let mut text = "# Metrics\n\n\
        What services expose at `/metrics` on their HTTP port, for Prometheus. Written by `weft metrics`; tests hold it to \
        what the code counts and to what running services expose. Counters start at 0 with the process; metrics with labels \
        appear with their first event.\n"
        .to_owned();
    for (section, metrics) in SECTIONS {
        text += &format!("\n## {section}\n\n| name | type | unit | labels | meaning |\n|---|---|---|---|---|\n");
        for metric in metrics {
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            let (name, kind, unit, help) = (metric.name, metric.kind.name(), metric.unit(), metric.help);
            text += &format!("| `{name}` | {kind} | {unit} | {} | {help} |\n", labels.join(", "));
        }
    }
    text
}

#[cfg(test)]
#[path = "metrics/tests.rs"]
mod tests;
