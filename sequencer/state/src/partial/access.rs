//! What a partial tree must be able to answer and to do.

use std::collections::{BTreeMap, BTreeSet};

use crate::keys::TreeKey;
use crate::updates::UpdateBatch;

/// The keys that blocks touch, gathered while executing them on a whole tree.
///
/// Keys are those of the tree before the first of the blocks. A key read or
/// written has its way revealed; one that is deleted, by whichever block, also
/// the node beside that way, should nothing else remain there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// By key: whether some block deletes it.
    pub(super) keys: BTreeMap<TreeKey, bool>,
    /// All keys that begin with these are listed.
    pub(super) prefixes: BTreeSet<TreeKey>,
}

impl Access {
    /// The value at `key` is read.
    pub fn read(&mut self, key: TreeKey) {
        self.keys.entry(key).or_default();
    }

    /// The keys that begin with `prefix` are listed.
    pub fn list(&mut self, prefix: TreeKey) {
        self.prefixes.insert(prefix);
    }

    /// A block's updates are applied.
    pub fn update(&mut self, updates: &UpdateBatch) {
        for (key, value) in updates.entries() {
            *self.keys.entry(*key).or_default() |= value.is_none();
        }
    }
}
