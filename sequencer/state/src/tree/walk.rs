//! Reading leaves in key order.

use super::{Kind, NodeId, Tree};
use crate::Value;
use crate::keys::TreeKey;

/// Leaves in key order.
#[derive(Debug)]
pub struct Leaves<'a> {
    tree: &'a Tree,
    stack: Vec<NodeId>,
}

impl Iterator for Leaves<'_> {
    type Item = (TreeKey, Value);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match &self.tree.node(self.stack.pop()?).kind {
                Kind::Leaf { key, value } => return Some((*key, *value)),
                Kind::Branch { children, .. } => self.stack.extend([children[1], children[0]]),
            }
        }
    }
}

impl Tree {
    /// All leaves in key order.
    pub fn iter(&self) -> Leaves<'_> {
        Leaves { tree: self, stack: self.root.into_iter().collect() }
    }

    /// The leaves whose keys begin with `prefix`, in key order.
    pub fn with_prefix(&self, prefix: &TreeKey) -> impl Iterator<Item = (TreeKey, Value)> + '_ {
        let mut at = self.root;
        while let Some(id) = at {
            match self.node(id).kind {
                Kind::Branch { bit, children } if bit < prefix.bits() => {
                    at = Some(children[usize::from(prefix.bit(bit))])
                }
                _ => break,
            }
        }
        let prefix = *prefix;
        // All leaves below share the bits up to the branch, or none of them has the prefix.
        Leaves { tree: self, stack: at.into_iter().collect() }
            .take_while(move |(key, _)| key.as_slice().starts_with(prefix.as_slice()))
    }
}
