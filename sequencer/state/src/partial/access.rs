//! What a partial tree must be able to answer and to do.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::keys::TreeKey;
use crate::tree::{StoredError, Tree};
use crate::undo::Undo;
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

    /// All keys that are named, those that the prefixes list in the state before `undo` included.
    pub(crate) fn keys_before(
        &self,
        tree: &Tree,
        undo: &Undo,
    ) -> Result<Cow<'_, BTreeMap<TreeKey, bool>>, StoredError> {
        let mut keys = Cow::Borrowed(&self.keys);
        for prefix in &self.prefixes {
            let begins = |key: &TreeKey| key.as_slice().starts_with(prefix.as_slice());
            let listed = tree.with_prefix(prefix)?;
            let stayed = listed.into_iter().map(|(key, _)| key).filter(|key| undo.old(key) != Some(None));
            let changed = &undo.entries[undo.entries.partition_point(|(key, _)| key < prefix)..];
            let changed = changed.iter().take_while(|(key, _)| begins(key));
            let gone = changed.filter(|(_, old)| old.is_some()).map(|(key, _)| *key);
            let mut listed = stayed.chain(gone).peekable();
            let keys = keys.to_mut();
            if listed.peek().is_none() {
                // The prefix's own way shows that nothing begins with it.
                keys.entry(*prefix).or_default();
            }
            listed.for_each(|key| _ = keys.entry(key).or_default());
        }
        Ok(keys)
    }
}
