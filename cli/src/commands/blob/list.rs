//! `weft blob list`: all blobs of a namespace over a range of heights, and the proof that none is left out.
//!
//! The node only brings headers and proofs; what they prove is judged here.
//! Where the range ends is known from the newest header that the node shows,
//! unless the user says it: newer heights can be kept secret by any node.

use std::pin::pin;

use alloy_primitives::{Address, B256};
use futures::StreamExt;
use serde_json::{Value, json};
use weft_da::{BlobEntry, NamespaceScan, SignedHeader, verify_checkpoint};
use weft_primitives::Namespace;
use weft_wire::DaClient;

use crate::args::DaEndpoint;
use crate::output::{Exit, Failure, print};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) namespace: Namespace,
    /// Whose headers count; without it, those of whoever signed the last one.
    pub(super) trusted: Option<Address>,
    pub(super) from: u64,
    /// The newest that the node shows, if there is none.
    pub(super) to: Option<u64>,
}

/// What was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proved {
    pub(super) signer: Address,
    pub(super) from: u64,
    pub(super) to: u64,
    /// Hash of the header at `to`: it commits to all before it.
    pub(super) tip: B256,
    /// Milliseconds.
    pub(super) tip_time_ms: u64,
    pub(super) blobs: u64,
    pub(super) bytes: u64,
}

/// Why an answer proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Disproved(pub(super) String);

impl<E: std::error::Error> From<E> for Disproved {
    fn from(fault: E) -> Self {
        Self(fault.to_string())
    }
}

/// Runs the command.
pub(super) async fn run(endpoint: &DaEndpoint, range: Range) -> Result<Exit, Failure> {
    let mut blobs: Vec<Value> = Vec::new();
    let each = |height: u64, entry: &BlobEntry| {
        if endpoint.json {
            let BlobEntry { hash, offset, length, .. } = *entry;
            blobs.push(json!({ "height": height, "content_hash": hash, "offset": offset, "length": length }));
        } else {
            println!("{height:>10} {} {:>12}", entry.hash, entry.length);
        }
    };
    let outcome = scan(&DaClient::new(&endpoint.da_url)?, range, each).await?;
    let namespace = range.namespace.to_string();
    match outcome {
        Ok(proved) => {
            let value = json!({
                "proved": true,
                "namespace": namespace,
                "from": proved.from,
                "to": proved.to,
                "signer": proved.signer,
                "signer_given": range.trusted.is_some(),
                "header": proved.tip,
                "time_ms": proved.tip_time_ms,
                "bytes": proved.bytes,
                "blobs": blobs,
            });
            print(endpoint.json, &value, || proved.words(range.trusted.is_some()))?;
            Ok(Exit::Ok)
        }
        Err(Disproved(fault)) => {
            let value = json!({ "proved": false, "namespace": namespace, "fault": fault });
            print(endpoint.json, &value, || format!("NOT PROVED: {fault}; something may be left out"))?;
            Ok(Exit::Invalid)
        }
    }
}

impl Proved {
    fn words(&self, given: bool) -> String {
        let who = if given { "as you said" } else { "as the node says; give --da-address to be sure" };
        format!(
            "{} blobs, {} bytes in DA blocks {} to {}; none is left out: the signature and link of each header and the \
             proof of each height were checked\n  signed by {} ({who})\n  newest header {} of {} ms",
            self.blobs, self.bytes, self.from, self.to, self.signer, self.tip, self.tip_time_ms,
        )
    }
}

/// Reads and checks the range; `each` is told every blob whose height was proved. The outer error is one of transport.
pub(super) async fn scan(
    client: &DaClient,
    range: Range,
    mut each: impl FnMut(u64, &BlobEntry),
) -> Result<Result<Proved, Disproved>, Failure> {
    let last = client.header(range.to).await?;
    let (from, to) = (range.from.max(weft_da::header::FIRST_HEIGHT), last.header.height);
    if from > to {
        return Err(Failure(format!("the range is empty: it begins at DA block {from} and ends at {to}")));
    }
    let signer = match signer(&last, range.trusted) {
        Ok(signer) => signer,
        Err(fault) => return Ok(Err(fault)),
    };
    let mut scan = NamespaceScan::new(range.namespace, signer, from);
    let (mut blobs, mut bytes) = (0, 0u64);
    let mut heights = pin!(client.list_blobs(range.namespace, from, Some(to)).await?);
    while scan.next_height() <= to
        && let Some(height) = heights.next().await
    {
        let (header, proof) = height?;
        let height = match scan.take(&header, &proof) {
            Ok(height) => height,
            Err(fault) => return Ok(Err(fault.into())),
        };
        for entry in height.listing.entries() {
            blobs += 1;
            bytes = bytes.saturating_add(entry.length);
            each(height.header.header().height, entry);
        }
    }
    if let Err(fault) = scan.finish(to) {
        return Ok(Err(fault.into()));
    }
    let (tip, tip_time_ms) = (last.header.hash(), last.header.time_ms);
    if scan.newest().is_some_and(|newest| newest.header.hash() != tip) {
        return Ok(Err(Disproved(format!("the signer contradicts itself: two headers of DA block {to}"))));
    }
    Ok(Ok(Proved { signer, from, to, tip, tip_time_ms, blobs, bytes }))
}

/// Whose headers count.
fn signer(last: &SignedHeader, trusted: Option<Address>) -> Result<Address, Disproved> {
    match trusted {
        Some(trusted) => {
            verify_checkpoint(last, trusted)?;
            Ok(trusted)
        }
        None => Ok(last.signature.recover(last.header.hash())?),
    }
}
