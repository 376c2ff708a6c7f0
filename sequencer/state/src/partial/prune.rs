//! Cutting a whole tree down to what an access needs.
//!
//! Along each key the way is revealed to its end: the leaf, or the branch whose
//! prefix the key leaves. Deletions need one thing more. When all leaves on one
//! side of a branch may be deleted, the other side can move up, and its new
//! hash is found only if that side's top node is revealed. No sequence of
//! batches over the keys of an access, deleting only what it says may be
//! deleted, can need a node beyond these: a node moves up only into the place
//! of a branch that lost its other side.

use super::{Access, PartialTree};
use crate::arena::{Arena, NodeId, Place};
use crate::keys::TreeKey;
use crate::tree::{Opened, StoredError, Tree};
use crate::undo::Undo;

/// A key, and whether it may be deleted.
pub(crate) type Touched<'a> = (&'a TreeKey, bool);

/// Nodes of the whole tree are named by the arena that they are in, the top's or a subtree's.
struct Pruner<'a> {
    whole: &'a Opened<'a>,
    part: Arena,
}

/// A subtree in the part.
struct Pruned {
    node: NodeId,
    /// Whether all its leaves may be deleted.
    may_vanish: bool,
}

impl Tree {
    /// The part of this tree that `access` needs.
    pub fn partial(&self, access: &Access) -> Result<PartialTree, StoredError> {
        let keys = access.keys_before(self, &Undo::default())?;
        let whole = self.open(keys.keys())?;
        let touched: Vec<Touched<'_>> = keys.iter().map(|(key, deleted)| (key, *deleted)).collect();
        let top = whole.top();
        Ok(match top.root() {
            Some(root) if !touched.is_empty() => {
                let mut pruner = Pruner { whole: &whole, part: Arena::default() };
                let node = pruner.node(top, root, 0, &touched).node;
                pruner.part.set_root(node, *top.root_hash());
                PartialTree { arena: pruner.part }
            }
            _ => PartialTree::hidden(self.root()),
        })
    }
}

/// Those keys that go on beyond the branch at `at`, which stands at `bit`: they agree with its prefix to the end.
pub(super) fn inside<'t, 'k>(
    arena: &Arena,
    at: NodeId,
    bit: u16,
    from: u16,
    touched: &'t [Touched<'k>],
) -> &'t [Touched<'k>] {
    // In key order: those below the prefix, those inside, those above.
    let shared = |key: &TreeKey| arena.shared_bits(at, from, key).min(key.bits());
    let agrees = |key: &TreeKey| key.bits() > bit && shared(key) >= bit;
    if let [(first, _), .., (last, _)] | [(first @ last, _)] = touched
        && agrees(first)
        && agrees(last)
    {
        return touched;
    }
    // A key that ends where its bits agree comes before all that go on.
    let below = |key: &TreeKey| !agrees(key) && !key.bit(shared(key));
    let start = touched.partition_point(|(key, _)| below(key));
    let inside = &touched[start..];
    &inside[..inside.partition_point(|(key, _)| agrees(key))]
}

impl Pruner<'_> {
    /// Reveals the node at `at`, whose prefix begins at bit `from`, and the ways of `touched` below it.
    fn node(&mut self, arena: &Arena, at: NodeId, from: u16, touched: &[Touched<'_>]) -> Pruned {
        match at.place() {
            Place::Branch(branch) => self.branch(arena, at, branch, from, touched),
            Place::Leaf(leaf) => {
                let leaf = arena.node_leaf(leaf);
                let may_vanish = touched.iter().any(|(key, deleted)| *deleted && **key == leaf.key);
                Pruned { node: self.part.add_leaf(leaf.key, leaf.value), may_vanish }
            }
            Place::Hidden(hidden) => {
                let subtree = self.whole.subtree(hidden);
                // None is empty.
                subtree
                    .root()
                    .map_or(Pruned { node: at, may_vanish: false }, |root| self.node(subtree, root, from, touched))
            }
        }
    }

    fn branch(&mut self, arena: &Arena, at: NodeId, branch: usize, from: u16, touched: &[Touched<'_>]) -> Pruned {
        let branch = arena.node_branch(branch);
        let bit = branch.bit;
        let inside = inside(arena, at, bit, from, touched);
        let path = inside.first().map_or_else(|| *arena.sample(at), |(key, _)| **key);
        let (left, right) = inside.split_at(inside.partition_point(|(key, _)| !key.bit(bit)));
        let pruned = [left, right]
            .into_iter()
            .zip(branch.children)
            .map(|(touched, child)| (!touched.is_empty()).then(|| self.node(arena, child, bit + 1, touched)));
        let pruned: Vec<Option<Pruned>> = pruned.collect();
        let may_vanish = |side: usize| pruned[side].as_ref().is_some_and(|pruned| pruned.may_vanish);
        let children = [0, 1].map(|side| match &pruned[side] {
            Some(pruned) => pruned.node,
            None if may_vanish(1 - side) => self.top(arena, branch.children[side], bit + 1),
            None => self.part.add_hidden(&path.fork(bit, side == 1), bit + 1),
        });
        let node = self.part.add_branch(&path, bit, children, branch.hashes);
        Pruned { node, may_vanish: may_vanish(0) && may_vanish(1) }
    }

    /// Reveals one node and nothing below.
    fn top(&mut self, arena: &Arena, at: NodeId, from: u16) -> NodeId {
        self.node(arena, at, from, &[]).node
    }
}
