//! What operators see of a DA node; see [`weft_service::catalogue`].

use weft_service::catalogue::Metric;

/// All metrics of a DA node.
pub const METRICS: &[Metric] = &[
    Metric::gauge("weft_da_height", &[], "Newest signed block."),
    Metric::counter("weft_da_blocks_total", &[], "Blocks made."),
    Metric::counter("weft_da_blobs_total", &[], "Blobs in blocks made."),
    Metric::counter("weft_da_payload_bytes_total", &[], "Bytes of blocks made, before encoding."),
    Metric::histogram("weft_da_commit_seconds", &[], "Encoding a block, writing it and signing its header."),
    Metric::counter(
        "weft_da_puts_refused_total",
        &["namespace", "reason"],
        "Puts refused; namespaces without a rule of their own are `other`.",
    ),
    Metric::counter("weft_da_rows_served_total", &[], "Rows given to samplers and restorers."),
    Metric::counter("weft_da_pruned_reads_total", &[], "Reads of blobs that are no longer kept."),
    Metric::gauge(
        "weft_da_namespace_stored_bytes",
        &["namespace"],
        "Bytes that a namespace with a rule of its own has stored.",
    ),
    Metric::gauge("weft_da_first_whole_height", &[], "Oldest block that has all its rows on this disk."),
    Metric::counter("weft_da_blocks_thinned_total", &[], "Blocks whose rows left the disk."),
    Metric::counter("weft_da_blobs_pruned_total", &[], "Blobs that left the disk."),
    Metric::gauge("weft_da_archive_height", &[], "Newest block that the archive has confirmed."),
    Metric::gauge(
        "weft_da_archive_lag_blocks",
        &[],
        "Blocks that the archive does not have yet: lost if the disk is lost.",
    ),
    Metric::counter(
        "weft_da_archive_failures_total",
        &["kind", "operation"],
        "Operations on the archive that failed; each is tried again.",
    ),
    Metric::counter("weft_da_archive_reads_total", &["ok"], "Blocks read from the archive for callers."),
    Metric::histogram("weft_da_archive_put_seconds", &[], "Uploading a block."),
    Metric::gauge("weft_da_custody_certified_height", &[], "Newest block that enough members have signed for."),
    Metric::gauge(
        "weft_da_custody_complete_height",
        &[],
        "Up to where this member has its whole share, as far as scrubbing has come.",
    ),
    Metric::counter("weft_da_custody_attestations_total", &[], "Blocks that this member has signed for."),
    Metric::counter("weft_da_custody_rows_stored_total", &[], "Rows received and verified."),
    Metric::counter("weft_da_custody_rows_checked_total", &[], "Rows read again by the scrubber."),
    Metric::counter("weft_da_custody_rows_mended_total", &[], "Rows that were missing or damaged and were replaced."),
    Metric::counter("weft_da_custody_blocks_rebuilt_total", &[], "Blocks rebuilt from a part of their rows."),
    Metric::counter("weft_da_custody_wrong_rows_total", &[], "Rows from other members that did not verify."),
    Metric::counter("weft_da_custody_wrong_encoding_total", &[], "Blocks of the producer with a wrong encoding."),
    Metric::counter(
        "weft_da_custody_equivocations_total",
        &[],
        "Second headers for a height: the producer's key has signed twice.",
    ),
    Metric::counter(
        "weft_da_custody_push_failures_total",
        &[],
        "Shares that could not be brought to a member; it fetches them later.",
    ),
    Metric::counter("weft_da_custody_shares_refused_total", &["reason"], "Shares that this member did not take."),
];
