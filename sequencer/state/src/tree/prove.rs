//! Making proofs, of the state as it is and as it was.

use super::{Schedule, StoredError, Tree};
use crate::arena::Way;
use crate::keys::TreeKey;
use crate::partial::{Access, PartialError, PartialTree};
use crate::proof::{End, Proof};
use crate::undo::Undo;

impl Tree {
    /// Proof of the value at `key`, or of its absence, under [`Tree::root`].
    pub fn prove(&self, key: &TreeKey) -> Result<Proof, StoredError> {
        let opened = self.open([key])?;
        let mut way = Way::default();
        let end = opened.top().prove(key, &mut way);
        // The top hides nothing but the subtrees, and one that is opened nothing at all.
        let end = end.or_else(|| opened.subtree(self.top.find(key)?).prove(key, &mut way));
        Ok(way.ends(end.unwrap_or(End::Empty)))
    }

    /// The part of the tree as it was before `undo` that tells of `keys`. Takes memory for these and for what `undo`
    /// changes alone.
    pub fn partial_before(&self, undo: &Undo, keys: &[TreeKey]) -> Result<PartialTree, PartialError> {
        let mut access = Access::default();
        keys.iter().for_each(|key| access.read(*key));
        let back = undo.inverse();
        access.update(&back);
        let mut part = self.partial(&access)?;
        part.apply(&back, Schedule::Parallel)?;
        Ok(part)
    }
}
