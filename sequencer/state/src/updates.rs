//! A set of leaf updates in key order, each key once.

use crate::Value;
use crate::keys::TreeKey;

/// Sorted updates; `None` deletes. Writing the zero value deletes, as zero is absent.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UpdateBatch {
    entries: Vec<(TreeKey, Option<Value>)>,
}

impl UpdateBatch {
    /// The updates given; of several for one key the last stands.
    pub fn new(mut entries: Vec<(TreeKey, Option<Value>)>) -> Self {
        entries.sort_by_key(|entry| entry.0);
        let mut kept: Vec<(TreeKey, Option<Value>)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let value = value.filter(|value| *value != [0; 32]);
            match kept.last_mut() {
                Some(last) if last.0 == key => last.1 = value,
                _ => kept.push((key, value)),
            }
        }
        Self { entries: kept }
    }

    /// In key order.
    pub fn entries(&self) -> &[(TreeKey, Option<Value>)] {
        &self.entries
    }
}
