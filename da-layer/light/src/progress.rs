//! What a client reports while it works, and a bar that draws it.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use indicatif::{ProgressBar, ProgressStyle};
use weft_da::Confidence;
use weft_da::row::{DigestsFault, RowFault};
use weft_verdict::RestoreProgress;

use crate::judge::Judgement;

/// Something happened.
#[derive(Clone, Debug, PartialEq)]
pub enum ProgressEvent {
    /// There is no such block yet, or no node to ask; the client waits a bounded time.
    Waiting {
        /// Milliseconds left.
        left_ms: u64,
    },
    /// Nobody said whom to trust, so the client trusts whom the nodes name, from now on.
    TrustedOnFirstUse {
        /// Signer of the headers.
        address: Address,
        /// The DA network.
        network_id: u64,
        /// Whether it will be remembered.
        kept: bool,
    },
    /// A header has a good signature and fits the chain; judging begins.
    HeaderVerified {
        /// Its height.
        height: u64,
        /// Its hash.
        hash: B256,
        /// Rows that will be asked for.
        rows: u32,
    },
    /// The digests are those that the header commits to.
    DigestsVerified {
        /// Height of the block.
        height: u64,
        /// Who gave them.
        node: String,
    },
    /// The digests are not those that the header commits to.
    DigestsBad {
        /// Height of the block.
        height: u64,
        /// Who gave them.
        node: String,
        /// What is wrong.
        fault: DigestsFault,
    },
    /// A row is good.
    RowOk {
        /// Height of the block.
        height: u64,
        /// The row.
        row: u32,
        /// Who gave it.
        node: String,
        /// Confidence so far.
        confidence: Confidence,
    },
    /// A row is bad: forged by the node, or wrongly encoded by the producer.
    RowBad {
        /// Height of the block.
        height: u64,
        /// The row.
        row: u32,
        /// Who gave it.
        node: String,
        /// What is wrong.
        fault: RowFault,
    },
    /// No node gave a row.
    RowMissing {
        /// Height of the block.
        height: u64,
        /// The row.
        row: u32,
    },
    /// A block is judged.
    Judged(Judgement),
    /// More rows of a blob, or of the index that tells where it is, are in.
    Restoring {
        /// Height of the block.
        height: u64,
        /// How far it is.
        progress: RestoreProgress,
        /// Bytes received, good or not.
        downloaded_bytes: u64,
        /// Time since the first request, milliseconds.
        elapsed_ms: u64,
    },
}

/// Takes events; shared by all tasks of a client.
pub(crate) type Progress = Arc<dyn Fn(ProgressEvent) + Send + Sync>;

/// A bar on standard error that shows the judging of one block; hidden where that is no terminal.
pub fn progress_bar() -> impl Fn(ProgressEvent) + Send + Sync + 'static {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    move |event| draw(&bar, event)
}

fn draw(bar: &ProgressBar, event: ProgressEvent) {
    match event {
        ProgressEvent::Waiting { left_ms } => {
            bar.set_message(format!("waiting for the block, {:.1} s left", left_ms as f64 / 1e3));
        }
        ProgressEvent::TrustedOnFirstUse { address, network_id, .. } => bar.println(format!(
            "trusting {address} (network {network_id}) because the nodes say so; set --da-address to be sure"
        )),
        ProgressEvent::HeaderVerified { height, rows, .. } => {
            bar.set_prefix(format!("block {height}"));
            bar.set_length(u64::from(rows));
            bar.set_position(0);
            bar.set_message("header verified");
        }
        ProgressEvent::DigestsVerified { .. } => bar.set_message("digests verified"),
        ProgressEvent::DigestsBad { node, fault, .. } => bar.println(format!("{node}: {fault}")),
        ProgressEvent::RowOk { confidence, .. } => {
            bar.inc(1);
            let percent = confidence.available.min(confidence.encoded) * 100.0;
            bar.set_message(format!("{percent:.4} % sure"));
        }
        ProgressEvent::RowBad { row, node, fault, .. } => bar.println(format!("{node}: row {row}: {fault}")),
        ProgressEvent::RowMissing { row, .. } => bar.println(format!("row {row}: no node gives it")),
        ProgressEvent::Judged(judgement) => {
            bar.set_message(format!("{}, {:.4} % sure", judgement.verdict.name(), judgement.confidence() * 100.0));
            bar.abandon();
        }
        ProgressEvent::Restoring { height, progress, downloaded_bytes, elapsed_ms } => {
            bar.set_prefix(format!("block {height}"));
            bar.set_length(progress.needed as u64);
            bar.set_position(progress.rows as u64);
            let megabytes_s = downloaded_bytes as f64 / 1e3 / elapsed_ms.max(1) as f64;
            let missing = match progress.rebuilding {
                true => format!(", {} not to be had: rebuilding from others", progress.lost),
                false => String::new(),
            };
            bar.set_message(format!("rows, {megabytes_s:.1} MB/s{missing}"));
            if progress.rows == progress.needed {
                bar.abandon();
            }
        }
    }
}
