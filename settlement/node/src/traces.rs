//! Which traces a commitment is in, from its posting until it is judged; see [`weft_service::trace`].
//!
//! Bounded, and lost with the process: a trace is nothing that anything depends on.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use alloy_primitives::B256;
use weft_service::trace::{self, Span};
use weft_wire::trace::TraceContext;

/// The service in its spans.
pub(crate) const SERVICE: &str = "weft-settlement";

/// Commitments that are remembered; the oldest go first.
const MOST: usize = 256;

static REMEMBERED: Mutex<VecDeque<(B256, TraceContext)>> = Mutex::new(VecDeque::new());

/// Notes which traces a commitment that is being posted is in.
pub(crate) fn remember(commitment: B256, context: &TraceContext) {
    if context.parents.is_empty() || !trace::is_on() {
        return;
    }
    let mut remembered = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
    remembered.retain(|(known, _)| *known != commitment);
    if remembered.len() >= MOST {
        remembered.pop_front();
    }
    remembered.push_back((commitment, context.clone()));
}

/// Something was done about a commitment, since `start`. `outcome` is what came of it.
pub(crate) fn done(commitment: B256, name: &'static str, start: SystemTime, outcome: &str) {
    if !trace::is_on() {
        return;
    }
    let remembered = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, context)) = remembered.iter().find(|(known, _)| *known == commitment) {
        let span = Span::since(SERVICE, name, start).text("weft.commitment", commitment).text("weft.outcome", outcome);
        span.under(&context.parents);
    }
}
