//! How long rows and blobs are kept on this node's disk.
//!
//! A block is whole within the *sampling window*: all its rows are served.
//! Older blocks are thinned: header, digests and blob index stay for ever, and
//! each blob is kept by itself as long as its namespace's rule allows. What the
//! archive holds is not touched by any of this, and with one configured no row
//! is dropped that it does not hold ([`crate::archive`]).
//!
//! [`rule`] decides, [`sweeper`] carries it out in bounded steps of one write
//! each, so that it can be ended between any two. Deliberately absent: removal
//! from the archive.

pub mod rule;
mod sweeper;
pub mod task;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use weft_primitives::Namespace;

pub use rule::NamespaceRule;
pub use sweeper::{Sweeper, Turn};

/// Pause between two looks at what has grown too old.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// What an operator sets about keeping. By default everything is kept for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// `sampling_window`: age in milliseconds up to which blocks are whole; `None` for no end.
    pub window_ms: Option<u64>,
    /// `retention.max_age` and `retention.max_bytes`: for namespaces without a rule of their own.
    pub default: NamespaceRule,
    /// `retention.namespace`: rules by namespace.
    pub namespaces: BTreeMap<Namespace, NamespaceRule>,
}

impl Retention {
    /// The rule of a namespace.
    pub fn rule(&self, namespace: &Namespace) -> NamespaceRule {
        self.namespaces.get(namespace).copied().unwrap_or(self.default)
    }
}
