//! The bytes of a part of a whole tree, written in one walk.
//!
//! They are those of [`Tree::partial`] and [`PartialTree::encode`](super::PartialTree::encode), without the tree between
//! the two: whoever makes blocks has no time for it. The rules of what is revealed are in [`super::prune`], the bytes in
//! [`super::encode`].

use super::Access;
use super::encode::{put_branch, put_hidden, put_leaf};
use super::prune::{Touched, inside};
use crate::arena::{Arena, NodeId, Place, Schedule};
use crate::hash::NodeHash;
use crate::tree::Tree;

/// Keys below a branch from which on two threads share the work.
const PARALLEL_KEYS: usize = 256;

/// Bytes that a key takes in a large tree: some hidden nodes and branches, and the leaf. Only a guess for the memory.
const BYTES_PER_KEY: usize = 512;

impl Tree {
    /// The witness of what `access` touches: the same bytes as `self.partial(access).encode()`.
    pub fn witness(&self, access: &Access, schedule: Schedule) -> Vec<u8> {
        let keys = self.touched_keys(access);
        let touched: Vec<Touched<'_>> = keys.iter().map(|(key, deleted)| (key, *deleted)).collect();
        let deletes = touched.iter().any(|(_, deleted)| *deleted);
        let mut out = Vec::with_capacity(touched.len() * BYTES_PER_KEY);
        let top = self.top();
        if let Some(root) = top.root() {
            let writer = Writer { tree: self, schedule, deletes };
            writer.child(top, root, top.root_hash(), 0, &touched, false, &mut out);
        }
        out
    }
}

/// Nodes are named by the arena that they are in, the top's or a subtree's.
struct Writer<'a> {
    tree: &'a Tree,
    schedule: Schedule,
    /// Whether anything may be deleted at all.
    deletes: bool,
}

impl Writer<'_> {
    /// Writes the node at `at`, whose prefix begins at bit `from`: revealed if anything below is touched, or it is asked for.
    #[expect(clippy::too_many_arguments, reason = "a node's place, and where its bytes go")]
    fn child(
        &self,
        arena: &Arena,
        at: NodeId,
        hash: &NodeHash,
        from: u16,
        touched: &[Touched<'_>],
        reveal: bool,
        out: &mut Vec<u8>,
    ) {
        match at.place() {
            _ if touched.is_empty() && !reveal => put_hidden(out, hash),
            Place::Branch(branch) => self.branch(arena, at, branch, from, touched, out),
            Place::Leaf(leaf) => {
                let leaf = arena.node_leaf(leaf);
                put_leaf(out, &leaf.key, &leaf.value, from);
            }
            Place::Hidden(at) => {
                let subtree = self.tree.subtree(at);
                if let Some(root) = subtree.root() {
                    self.child(subtree, root, hash, from, touched, reveal, out);
                }
            }
        }
    }

    fn branch(&self, arena: &Arena, at: NodeId, branch: usize, from: u16, touched: &[Touched<'_>], out: &mut Vec<u8>) {
        let branch = arena.node_branch(branch);
        let bit = branch.bit;
        put_branch(out, &arena.prefix(at, branch, from));
        let inside = inside(arena, at, bit, from, touched);
        let (left, right) = inside.split_at(inside.partition_point(|(key, _)| !key.bit(bit)));
        let [left_at, right_at] = branch.children;
        let [left_hash, right_hash] = &branch.hashes;
        let from = bit + 1;
        // The other side moves up when all of one is deleted.
        let reveal_left = left.is_empty() && self.may_vanish(arena, right_at, from, right);
        let reveal_right = right.is_empty() && self.may_vanish(arena, left_at, from, left);
        if self.schedule == Schedule::Parallel && left.len().min(right.len()) >= PARALLEL_KEYS {
            let mut after = Vec::with_capacity(right.len() * BYTES_PER_KEY);
            rayon::join(
                || self.child(arena, left_at, left_hash, from, left, reveal_left, out),
                || self.child(arena, right_at, right_hash, from, right, reveal_right, &mut after),
            );
            out.append(&mut after);
        } else {
            self.child(arena, left_at, left_hash, from, left, reveal_left, out);
            self.child(arena, right_at, right_hash, from, right, reveal_right, out);
        }
    }

    /// Whether all leaves below the node at `at` may be deleted.
    fn may_vanish(&self, arena: &Arena, at: NodeId, from: u16, touched: &[Touched<'_>]) -> bool {
        if !self.deletes || touched.is_empty() {
            return false;
        }
        match at.place() {
            Place::Branch(branch) => {
                let branch = arena.node_branch(branch);
                let inside = inside(arena, at, branch.bit, from, touched);
                let (left, right) = inside.split_at(inside.partition_point(|(key, _)| !key.bit(branch.bit)));
                let [left_at, right_at] = branch.children;
                self.may_vanish(arena, left_at, branch.bit + 1, left)
                    && self.may_vanish(arena, right_at, branch.bit + 1, right)
            }
            Place::Leaf(leaf) => {
                let own = &arena.node_leaf(leaf).key;
                touched.iter().any(|(key, deleted)| *deleted && *key == own)
            }
            Place::Hidden(at) => {
                let subtree = self.tree.subtree(at);
                subtree.root().is_some_and(|root| self.may_vanish(subtree, root, from, touched))
            }
        }
    }
}
