//! Closed while the log may be an old copy: what were appended now would make another log of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by the engine, which asks, and by whoever compares the log with its mirrors. Open at first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<AtomicBool>);

impl Gate {
    pub(crate) fn set_closed(&self, closed: bool) {
        self.0.store(closed, Ordering::SeqCst);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
