//! What the client tells of itself while it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use weft_da::Target;

use crate::nodes::Nodes;
use crate::store::Store;

/// Judgements shown in the status itself; all others are at `/judgements`.
const RECENT: usize = 10;

/// Heights and faults that are not in the store.
#[derive(Debug, Default)]
pub(crate) struct Board {
    header_height: AtomicU64,
    chain_fault: Mutex<Option<String>>,
}

impl Board {
    /// A header was taken.
    pub(crate) fn header(&self, height: u64) {
        self.header_height.fetch_max(height, Ordering::Relaxed);
    }

    pub(crate) fn header_height(&self) -> u64 {
        self.header_height.load(Ordering::Relaxed)
    }

    /// How the signer contradicted itself, if it did.
    pub(crate) fn chain_fault_in_words(&self) -> Option<String> {
        self.chain_fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The signer contradicted itself.
    pub(crate) fn chain_fault(&self, fault: String) {
        crate::metrics::chain_fault();
        *self.chain_fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }
}

/// The figures of `/status`.
pub(crate) fn status(store: &Store, nodes: &Nodes, board: &Board, target: &Target) -> Value {
    let anchor = store.anchor();
    let totals = store.totals(u64::MAX);
    let chain_fault = board.chain_fault_in_words();
    let overall = match (&chain_fault, totals.wrong, totals.open) {
        (Some(_), ..) => "chain fault".to_owned(),
        (None, 0, 0) => "all available".to_owned(),
        (None, wrong, open) => format!("{wrong} blocks wrong, {open} not available or undecided"),
    };
    let recent: Vec<Value> = store
        .recent(RECENT)
        .iter()
        .map(|judgement| {
            json!({
                "height": judgement.height,
                "verdict": judgement.verdict.name(),
                "available": judgement.available,
                "encoded": judgement.encoded,
            })
        })
        .collect();
    json!({
        "overall": overall,
        "trusted": anchor.map(|anchor| anchor.address),
        "trust": anchor.map(|anchor| anchor.source),
        "network_id": anchor.map(|anchor| anchor.network_id),
        "header_height": board.header_height(),
        "judged_height": store.through().map(|header| header.header.height),
        "judged": totals.judged,
        "available": totals.available,
        "open": totals.open,
        "wrong": totals.wrong,
        "lowest_confidence": (totals.judged > 0).then_some(totals.lowest_confidence),
        "chain": store.chain_confidence(),
        "target_confidence": target.confidence(),
        "chain_fault": chain_fault,
        "nodes": nodes.reports(),
        "recent": recent,
    })
}

/// The same as a function, for the HTTP port.
pub(crate) fn status_of(
    store: Arc<Store>,
    nodes: Nodes,
    board: Arc<Board>,
    target: Target,
) -> weft_service::http::Status {
    Arc::new(move || status(&store, &nodes, &board, &target))
}
