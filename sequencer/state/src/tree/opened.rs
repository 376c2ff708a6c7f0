//! Looking into subtrees that may be left out: they are loaded for as long as that takes, and the tree stays as it is.

use std::borrow::Cow;

use alloy_primitives::map::HashMap;
use rayon::prelude::*;

use super::Tree;
use super::stored::StoredError;
use super::subtree::Subtree;
use crate::Value;
use crate::arena::Arena;
use crate::keys::TreeKey;

/// A tree, and those of its subtrees loaded that some keys lead into. Of any other that is left out the
/// topmost branch is all that there is to see.
pub(crate) struct Opened<'a> {
    tree: &'a Tree,
    loaded: HashMap<usize, Subtree>,
}

impl Tree {
    /// Opens what these keys lead into. Takes memory for all of that at once.
    pub(crate) fn open<'k>(&self, keys: impl IntoIterator<Item = &'k TreeKey>) -> Result<Opened<'_>, StoredError> {
        let mut opened = Opened { tree: self, loaded: HashMap::default() };
        let Some(backing) = &self.backing else { return Ok(opened) };
        let left_out = |at: &usize| !self.subtrees[*at].is_here();
        let holding = |key: &TreeKey| self.top.find(key).filter(left_out).filter(|at| self.subtrees[*at].may_hold(key));
        let mut wanted: Vec<usize> = keys.into_iter().filter_map(holding).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let load = |at: usize| Ok((at, self.subtrees[at].load(&*backing.source)?));
        opened.loaded = wanted.into_par_iter().map(load).collect::<Result<_, StoredError>>()?;
        Ok(opened)
    }

    /// All leaves in key order, a subtree at a time.
    pub fn leaves(&self) -> impl Iterator<Item = Result<(TreeKey, Value), StoredError>> + '_ {
        self.subtrees.iter().flat_map(|subtree| {
            let (leaves, failed) = match self.look_into(subtree) {
                Ok(subtree) => (subtree.arena().leaves().collect(), None),
                Err(error) => (Vec::new(), Some(Err(error))),
            };
            leaves.into_iter().map(Ok).chain(failed)
        })
    }

    /// The leaves whose keys begin with `prefix`, in key order.
    pub fn with_prefix(&self, prefix: &TreeKey) -> Result<Vec<(TreeKey, Value)>, StoredError> {
        let mut all = Vec::new();
        for at in self.with_way_along(prefix) {
            all.extend(self.look_into(&self.subtrees[at])?.arena().leaves_with_prefix(prefix));
        }
        Ok(all)
    }

    fn look_into<'a>(&self, subtree: &'a Subtree) -> Result<Cow<'a, Subtree>, StoredError> {
        match &self.backing {
            Some(backing) if !subtree.is_here() => Ok(Cow::Owned(subtree.load(&*backing.source)?)),
            _ => Ok(Cow::Borrowed(subtree)),
        }
    }

    /// The numbers of the subtrees that may hold keys which begin with `prefix`.
    fn with_way_along(&self, prefix: &TreeKey) -> impl Iterator<Item = usize> + '_ {
        // Where its way ends is the first, and all that agree with it, or with as much of it as leads to them, follow.
        let first = self.top.find(prefix).unwrap_or(self.subtrees.len());
        let prefix = *prefix;
        let agrees = move |at: &usize| {
            let (path, bits) = self.top.path(*at);
            path.common_bits(&prefix) >= bits.min(prefix.bits())
        };
        (first..self.subtrees.len()).take_while(agrees)
    }
}

impl<'a> Opened<'a> {
    /// The arena of the branches above the subtrees, which it hides, each under its number.
    pub(crate) const fn top(&self) -> &'a Arena {
        self.tree.top.arena()
    }

    /// The arena of the subtree with this number.
    pub(crate) fn subtree(&self, at: usize) -> &Arena {
        let whole = &self.tree.subtrees[at];
        if whole.is_here() { whole.arena() } else { self.loaded.get(&at).unwrap_or(whole).arena() }
    }
}
