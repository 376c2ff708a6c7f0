//! The tree: an arena of nodes with path compression, and an index from key to leaf.
//!
//! A branch stands where keys first differ; it knows only the number of that
//! bit. Its hash covers the run of bits since the branch above (its prefix),
//! which is read off any key below it. Leaves commit their whole key, so they
//! never change when branches move. A branch's hash changes when a child's
//! does or when the branch above it moves.
//!
//! Updates first change the shape and mark what is dirty, then the dirty nodes
//! are hashed level by level from the deepest up, each level in parallel.

mod edit;
mod prove;
mod rehash;
#[cfg(test)]
mod tests;
mod walk;

use alloy_primitives::B256;
use alloy_primitives::map::HashMap;

use crate::Value;
use crate::hash::NodeHash;
use crate::keys::TreeKey;
use crate::undo::Undo;
use crate::updates::UpdateBatch;

pub use rehash::Schedule;
pub use walk::Leaves;

/// Position of a node in the arena.
type NodeId = u32;

#[derive(Clone, Debug)]
enum Kind {
    Leaf {
        key: TreeKey,
        value: Value,
    },
    Branch {
        /// The first bit in which keys below differ.
        bit: u16,
        children: [NodeId; 2],
    },
}

#[derive(Clone, Debug)]
struct Node {
    kind: Kind,
    hash: NodeHash,
    dirty: bool,
}

/// The state tree.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    free: Vec<NodeId>,
    root: Option<NodeId>,
    leaves: HashMap<TreeKey, NodeId>,
}

/// A key that is a prefix of another cannot be in the same tree.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
#[error("key {:?} is a prefix of, or begins with, the key {:?} in the tree", .0[0], .0[1])]
pub struct PrefixError(pub Box<[TreeKey; 2]>);

impl Tree {
    /// A tree of these leaves, in any order; zero values are left out.
    pub fn from_leaves(
        leaves: impl IntoIterator<Item = (TreeKey, Value)>,
        schedule: Schedule,
    ) -> Result<Self, PrefixError> {
        let mut tree = Self::default();
        let updates = leaves.into_iter().map(|(key, value)| (key, Some(value))).collect();
        tree.apply(&UpdateBatch::new(updates), schedule)?;
        Ok(tree)
    }

    /// The root; zero for the empty tree.
    pub fn root(&self) -> B256 {
        self.root.map_or(B256::ZERO, |root| self.node(root).hash.into())
    }

    /// Number of leaves.
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether there are no leaves.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// The value at `key`; `None` is zero.
    pub fn get(&self, key: &TreeKey) -> Option<Value> {
        match &self.node(*self.leaves.get(key)?).kind {
            Kind::Leaf { value, .. } => Some(*value),
            Kind::Branch { .. } => None,
        }
    }

    /// Applies updates and rehashes; what to give to [`Tree::revert`] to take them back.
    ///
    /// On an error the tree is as before.
    pub fn apply(&mut self, updates: &UpdateBatch, schedule: Schedule) -> Result<Undo, PrefixError> {
        let mut undo = Undo::default();
        for (key, value) in updates.entries() {
            match self.write(key, *value) {
                Ok(old) if old != *value => undo.entries.push((*key, old)),
                Ok(_) => {}
                Err(error) => {
                    self.revert(&undo, schedule);
                    return Err(error);
                }
            }
        }
        self.rehash(schedule);
        Ok(undo)
    }

    /// Takes back what [`Tree::apply`] did.
    pub fn revert(&mut self, undo: &Undo, schedule: Schedule) {
        // Deletions first: a key of before may be a prefix of one that came.
        for (key, _) in undo.entries.iter().filter(|(_, old)| old.is_none()) {
            self.remove(key);
        }
        for (key, old) in &undo.entries {
            if let Some(value) = old {
                // These keys stood in one tree before, so none is a prefix of another.
                let _ = self.write(key, Some(*value));
            }
        }
        self.rehash(schedule);
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id as usize]
    }
}
