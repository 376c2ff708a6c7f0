//! All metrics, `weft_light_*`; see [`weft_service::catalogue`].

use std::time::Duration;

use weft_service::catalogue::Metric;
use weft_verdict::{ChainConfidence, Judgement};

use crate::nodes::FaultKind;

/// All metrics of the light client.
pub const METRICS: &[Metric] = &[
    Metric::gauge("weft_light_header_height", &[], "Newest verified header."),
    Metric::gauge("weft_light_judged_height", &[], "Up to where every block is judged."),
    Metric::gauge("weft_light_open_heights", &[], "Blocks that are being judged or wait for it."),
    Metric::counter("weft_light_judgements_total", &["verdict"], "Judgements, by verdict."),
    Metric::counter("weft_light_samples_total", &[], "Rows sampled and verified."),
    Metric::counter("weft_light_downloaded_bytes_total", &[], "Bytes downloaded for judgements."),
    Metric::histogram("weft_light_judge_seconds", &[], "How long a judgement took."),
    Metric::counter(
        "weft_light_node_faults_total",
        &["kind", "node"],
        "What DA nodes did wrong: `lie`, `missing`, `timed_out`, `failed`.",
    ),
    Metric::counter("weft_light_blobs_verified_total", &["included"], "Claims about blobs checked for others."),
    Metric::counter("weft_light_blobs_restored_total", &["rebuilt"], "Blobs restored from rows for others."),
    Metric::counter("weft_light_restored_bytes_total", &[], "Bytes of restored blobs."),
    Metric::histogram("weft_light_restore_seconds", &[], "How long restoring a blob took."),
    Metric::gauge("weft_light_chain_confidence", &[], "How sure it is that all judged blocks are available, 0 to 1."),
    Metric::gauge("weft_light_chain_lowest_confidence", &[], "The same of the block it is least sure of."),
    Metric::gauge("weft_light_chain_exceptions", &[], "Judged blocks that were not found available."),
    Metric::gauge("weft_light_chain_fault", &[], "1 once the DA signer has contradicted itself; evidence is kept."),
];

/// A fault of a node.
pub(crate) fn node_fault(node: &str, kind: FaultKind) {
    metrics::counter!("weft_light_node_faults_total", "node" => node.to_owned(), "kind" => kind.name()).increment(1);
}

/// A block was judged.
pub(crate) fn judged(judgement: &Judgement) {
    metrics::counter!("weft_light_judgements_total", "verdict" => judgement.verdict.name()).increment(1);
    metrics::counter!("weft_light_downloaded_bytes_total").increment(judgement.downloaded_bytes);
    metrics::counter!("weft_light_samples_total").increment(u64::from(judgement.samples));
    metrics::histogram!("weft_light_judge_seconds").record(judgement.elapsed_ms / 1e3);
}

/// Where the chain of headers and the judging stand.
pub(crate) fn progress(header_height: u64, judged_height: u64, open: usize) {
    metrics::gauge!("weft_light_header_height").set(header_height as f64);
    metrics::gauge!("weft_light_judged_height").set(judged_height as f64);
    metrics::gauge!("weft_light_open_heights").set(open as f64);
}

/// A claim about a blob was checked.
pub(crate) fn blob_verified(included: bool) {
    let included = if included { "yes" } else { "no" };
    metrics::counter!("weft_light_blobs_verified_total", "included" => included).increment(1);
}

/// A blob was brought back from rows.
pub(crate) fn blob_restored(length_bytes: u64, elapsed: Duration, rebuilt: bool) {
    let rebuilt = if rebuilt { "yes" } else { "no" };
    metrics::counter!("weft_light_blobs_restored_total", "rebuilt" => rebuilt).increment(1);
    metrics::counter!("weft_light_restored_bytes_total").increment(length_bytes);
    metrics::histogram!("weft_light_restore_seconds").record(elapsed.as_secs_f64());
}

/// What all judgements of the chain are worth.
pub(crate) fn chain_confidence(confidence: &ChainConfidence) {
    metrics::gauge!("weft_light_chain_confidence").set(confidence.joint);
    metrics::gauge!("weft_light_chain_lowest_confidence")
        .set(confidence.lowest.map_or(0.0, |lowest| lowest.confidence));
    metrics::gauge!("weft_light_chain_exceptions").set(confidence.exceptions as f64);
}

/// The signer contradicted itself.
pub(crate) fn chain_fault() {
    metrics::gauge!("weft_light_chain_fault").set(1.0);
}
