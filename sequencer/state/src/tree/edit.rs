//! Changing one leaf, and marking what has to be hashed again.

use super::{Kind, Node, NodeId, PrefixError, Tree};
use crate::Value;
use crate::keys::TreeKey;

impl Tree {
    /// Writes or deletes one leaf; returns the old value.
    pub(super) fn write(&mut self, key: &TreeKey, value: Option<Value>) -> Result<Option<Value>, PrefixError> {
        let old = self.get(key);
        match value {
            None => self.remove(key),
            Some(new) if old.is_some() => self.overwrite(key, new),
            Some(new) => self.insert(key, new)?,
        }
        Ok(old)
    }

    fn overwrite(&mut self, key: &TreeKey, new: Value) {
        let leaf = self.leaves[key];
        if let Kind::Leaf { value, .. } = &mut self.node_mut(leaf).kind {
            if *value == new {
                return;
            }
            *value = new;
        }
        self.mark_path(key, u16::MAX);
        self.node_mut(leaf).dirty = true;
    }

    fn insert(&mut self, key: &TreeKey, value: Value) -> Result<(), PrefixError> {
        let Some(root) = self.root else {
            let leaf = self.add(Kind::Leaf { key: *key, value });
            self.leaves.insert(*key, leaf);
            self.root = Some(leaf);
            return Ok(());
        };
        let near = self.nearest(root, key);
        let split = key.common_bits(&near);
        if split == key.bits() || split == near.bits() {
            return Err(PrefixError(Box::new([*key, near])));
        }
        let leaf = self.add(Kind::Leaf { key: *key, value });
        self.leaves.insert(*key, leaf);
        // The new branch stands in place of the first node below bit `split` on the key's way.
        let (below, parent) = self.mark_path(key, split);
        let children = if key.bit(split) { [below, leaf] } else { [leaf, below] };
        let branch = self.add(Kind::Branch { bit: split, children });
        self.replace(parent, below, branch);
        self.moved(below);
        Ok(())
    }

    pub(super) fn remove(&mut self, key: &TreeKey) {
        let Some(leaf) = self.leaves.remove(key) else { return };
        let (_, parent) = self.mark_path(key, u16::MAX);
        let Some(parent) = parent else {
            self.root = None;
            self.free.push(leaf);
            return;
        };
        let Kind::Branch { children, .. } = self.node(parent).kind else { return };
        let sibling = if children[0] == leaf { children[1] } else { children[0] };
        let above = self.parent_of(parent, key);
        self.replace(above, parent, sibling);
        self.moved(sibling);
        self.free.extend([leaf, parent]);
    }

    /// The key of the leaf where the walk along `key` ends.
    fn nearest(&self, mut at: NodeId, key: &TreeKey) -> TreeKey {
        loop {
            match &self.node(at).kind {
                Kind::Leaf { key, .. } => return *key,
                Kind::Branch { bit, children } => at = children[usize::from(key.bit(*bit))],
            }
        }
    }

    /// Marks the branches on the way of `key` whose bit is below `until`.
    /// Returns the first node that is not such a branch, and the last that is.
    fn mark_path(&mut self, key: &TreeKey, until: u16) -> (NodeId, Option<NodeId>) {
        let mut parent = None;
        let mut at = self.root.expect("only called on a tree that is not empty");
        loop {
            let node = self.node_mut(at);
            match node.kind {
                Kind::Branch { bit, children } if bit < until => {
                    node.dirty = true;
                    parent = Some(at);
                    at = children[usize::from(key.bit(bit))];
                }
                _ => return (at, parent),
            }
        }
    }

    fn parent_of(&self, child: NodeId, key: &TreeKey) -> Option<NodeId> {
        let mut parent = None;
        let mut at = self.root?;
        while at != child {
            let Kind::Branch { bit, children } = self.node(at).kind else { return None };
            parent = Some(at);
            at = children[usize::from(key.bit(bit))];
        }
        parent
    }

    /// Puts `new` where `old` hangs below `parent`, or at the root.
    fn replace(&mut self, parent: Option<NodeId>, old: NodeId, new: NodeId) {
        match parent {
            None => self.root = Some(new),
            Some(parent) => {
                if let Kind::Branch { children, .. } = &mut self.node_mut(parent).kind {
                    children[usize::from(children[1] == old)] = new;
                }
            }
        }
    }

    /// The node hangs below another branch now: a branch's prefix, and so its hash, has changed.
    fn moved(&mut self, id: NodeId) {
        let node = self.node_mut(id);
        node.dirty |= matches!(node.kind, Kind::Branch { .. });
    }

    fn add(&mut self, kind: Kind) -> NodeId {
        let node = Node { kind, hash: [0; 32], dirty: true };
        if let Some(id) = self.free.pop() {
            *self.node_mut(id) = node;
            return id;
        }
        self.nodes.push(node);
        (self.nodes.len() - 1) as NodeId
    }
}
