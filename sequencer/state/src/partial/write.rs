//! The bytes of a part of a whole tree, written in one walk over each of its arenas.
//!
//! The part is that of [`Tree::partial`](crate::Tree::partial), which is never made. A subtree's share is a
//! [`Fragment`], which can be written while the subtree is in the cache of the thread that has just hashed it; the
//! top's walk puts these together. The rules of what is revealed are in [`super::prune`], the bytes in
//! [`super::encode`].

use super::encode::{HIDDEN_LEN, put_branch, put_hidden, put_leaf};
use super::prune::{Touched, inside};
use crate::arena::{Arena, Branch, NodeId, Place};
use crate::hash::NodeHash;
use crate::keys::TreeKey;

/// Bytes that a touched leaf takes in a large tree, below the top: some hidden nodes and branches, and the leaf itself.
/// Only a guess for the memory.
const BYTES_PER_KEY: usize = 256;

/// What is written of an arena of which at least one key is touched.
#[derive(Debug)]
pub(crate) struct Fragment {
    bytes: Vec<u8>,
    /// Whether all leaves may be deleted.
    may_vanish: bool,
}

/// A subtree, below the end of the top that has its number.
pub(crate) struct Below<'a> {
    pub(crate) arena: &'a Arena,
    /// If any key is touched.
    pub(crate) fragment: Option<Fragment>,
}

/// Touched keys that all agree with the way to a node.
#[derive(Clone, Copy)]
struct Keys<'t, 'k> {
    /// In key order.
    touched: &'t [Touched<'k>],
    /// In so many bits they agree: down to there they go together.
    common: u16,
}

/// Walks over one arena.
struct Writer<'a> {
    arena: &'a Arena,
    /// What lies below the nodes that the arena hides.
    below: &'a [Below<'a>],
    /// Whether anything may be deleted at all.
    deletes: bool,
    /// Hashes of hidden nodes to the right of where the walk is, to be written on the way back.
    right: Vec<&'a NodeHash>,
    out: Vec<u8>,
}

impl Fragment {
    /// Of an arena that hides nothing.
    pub(crate) fn new(arena: &Arena, touched: &[Touched<'_>]) -> Self {
        let mut writer = Writer::new(arena, &[], touched, touched.len() * BYTES_PER_KEY);
        let keys = Keys::new(touched);
        writer.root(keys);
        let may_vanish = arena.root().is_some_and(|root| writer.may_vanish(root, arena.from(), keys));
        Self { bytes: writer.out, may_vanish }
    }
}

/// The bytes of the whole: of the top, with those of the subtrees that it hides.
pub(crate) fn assemble(top: &Arena, below: &[Below<'_>], touched: &[Touched<'_>]) -> Vec<u8> {
    let fragments = below.iter().filter_map(|below| below.fragment.as_ref());
    let len: usize = fragments.map(|fragment| fragment.bytes.len()).sum();
    // The top has a branch and a hash for each subtree at most.
    let mut writer = Writer::new(top, below, touched, len + below.len() * 64);
    match top.root() {
        Some(_) if touched.is_empty() => put_hidden(&mut writer.out, top.root_hash()),
        _ => writer.root(Keys::new(touched)),
    }
    writer.out
}

impl<'t, 'k> Keys<'t, 'k> {
    const NONE: Self = Self { touched: &[], common: 0 };

    fn new(touched: &'t [Touched<'k>]) -> Self {
        match touched {
            [] => Self::NONE,
            [(only, _)] => Self { touched, common: only.bits() },
            [(first, _), .., (last, _)] => Self { touched, common: first.common_bits(last) },
        }
    }

    const fn is_empty(&self) -> bool {
        self.touched.is_empty()
    }

    /// A key, if all go together at a branch which stands at `bit`.
    fn together(&self, bit: u16) -> Option<&'k TreeKey> {
        self.touched.first().filter(|_| self.common > bit).map(|(key, _)| *key)
    }

    /// Those that go to each side of the branch at `at`, which stands at `bit` and whose prefix begins at bit `from`.
    fn part(self, arena: &Arena, at: NodeId, bit: u16, from: u16) -> [Self; 2] {
        let inside = inside(arena, at, bit, from, self.touched);
        let (left, right) = inside.split_at(inside.partition_point(|(key, _)| !key.bit(bit)));
        [Self::new(left), Self::new(right)]
    }
}

impl<'a> Writer<'a> {
    fn new(arena: &'a Arena, below: &'a [Below<'a>], touched: &[Touched<'_>], capacity: usize) -> Self {
        let deletes = touched.iter().any(|(_, deleted)| *deleted);
        Self { arena, below, deletes, right: Vec::new(), out: Vec::with_capacity(capacity) }
    }

    /// Writes the root, revealed.
    fn root(&mut self, keys: Keys<'_, '_>) {
        if let Some(root) = self.arena.root() {
            self.reveal(root, self.arena.from(), keys);
        }
    }

    /// Writes the node at `at`, whose prefix begins at bit `from`, and the ways of `keys` below it.
    fn reveal(&mut self, at: NodeId, from: u16, keys: Keys<'_, '_>) {
        let waiting = self.right.len();
        self.walk(at, from, keys);
        while self.right.len() > waiting
            && let Some(hash) = self.right.pop()
        {
            put_hidden(&mut self.out, hash);
        }
    }

    /// [`Writer::reveal`], but for what waits in `right`.
    fn walk(&mut self, mut at: NodeId, mut from: u16, mut keys: Keys<'_, '_>) {
        let arena = self.arena;
        while let Place::Branch(branch) = at.place() {
            let branch = arena.node_branch(branch);
            put_branch(&mut self.out, &arena.prefix(at, branch, from));
            let (bit, [left, right]) = (branch.bit, branch.children);
            // Nearly always: some levels down keys are alone. Where something is deleted, what is beside has to be asked for.
            if let Some(key) = keys.together(bit)
                && !self.deletes
            {
                if arena.shared_bits(at, from, key) < bit {
                    return branch.hashes.iter().for_each(|hash| put_hidden(&mut self.out, hash));
                }
                let side = usize::from(key.bit(bit));
                self.hide(&branch.hashes[1 - side], side);
                (at, from) = (branch.children[side], bit + 1);
                continue;
            }
            let [to_left, to_right] = keys.part(arena, at, bit, from);
            from = bit + 1;
            if to_left.is_empty() {
                self.beside(left, &branch.hashes[0], right, from, to_right);
            } else {
                self.reveal(left, from, to_left);
            }
            if to_right.is_empty() {
                return self.beside(right, &branch.hashes[1], left, from, to_left);
            }
            (at, keys) = (right, to_right);
        }
        self.end(at, from);
    }

    /// Writes a node that is no branch.
    fn end(&mut self, at: NodeId, from: u16) {
        match at.place() {
            Place::Branch(_) => {}
            Place::Leaf(leaf) => {
                let leaf = self.arena.node_leaf(leaf);
                put_leaf(&mut self.out, &leaf.key, &leaf.value, from);
            }
            Place::Hidden(at) => match &self.below[at] {
                Below { fragment: Some(fragment), .. } => self.out.extend_from_slice(&fragment.bytes),
                Below { arena, fragment: None } => self.out.extend_from_slice(&Fragment::new(arena, &[]).bytes),
            },
        }
    }

    /// Writes a hidden node: now, if the walk goes on to its right (`side` is 1), else on the way back.
    ///
    /// Does both and takes one back, since nothing foretells to a processor which side it will be.
    fn hide(&mut self, hash: &'a NodeHash, side: usize) {
        let (out, right) = (self.out.len() + side * HIDDEN_LEN, self.right.len() + 1 - side);
        put_hidden(&mut self.out, hash);
        self.out.truncate(out);
        self.right.push(hash);
        self.right.truncate(right);
    }

    /// Writes the node at `at`, below which nothing is touched, while `keys` go to the other side, where `other` is.
    fn beside(&mut self, at: NodeId, hash: &NodeHash, other: NodeId, from: u16, keys: Keys<'_, '_>) {
        // It moves up when all of the other side is deleted.
        if self.may_vanish(other, from, keys) {
            self.reveal(at, from, Keys::NONE);
        } else {
            put_hidden(&mut self.out, hash);
        }
    }

    /// Whether all leaves below the node at `at` may be deleted.
    fn may_vanish(&self, at: NodeId, from: u16, keys: Keys<'_, '_>) -> bool {
        if !self.deletes || keys.is_empty() {
            return false;
        }
        match at.place() {
            Place::Branch(branch) => {
                let Branch { bit, children: [left, right], .. } = self.arena.node_branch(branch);
                let [to_left, to_right] = keys.part(self.arena, at, *bit, from);
                self.may_vanish(*left, bit + 1, to_left) && self.may_vanish(*right, bit + 1, to_right)
            }
            Place::Leaf(leaf) => {
                let own = &self.arena.node_leaf(leaf).key;
                keys.touched.iter().any(|(key, deleted)| *deleted && *key == own)
            }
            Place::Hidden(at) => self.below[at].fragment.as_ref().is_some_and(|fragment| fragment.may_vanish),
        }
    }
}
