//! The bytes of a part of a whole tree, written in one walk over each of its arenas.
//!
//! The part is that of [`Tree::partial`](crate::Tree::partial), which is never made. A subtree's share is a
//! [`Fragment`], which can be written while the subtree is in the cache of the thread that has just hashed it; the
//! top's walk puts these together. The rules of what is revealed are in [`super::prune`], the bytes in
//! [`super::encode`].

use super::encode::{put_branch, put_hidden, put_leaf};
use super::prune::{Touched, inside};
use crate::arena::{Arena, NodeId, Place};

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
}

impl Fragment {
    /// Of an arena that hides nothing.
    pub(crate) fn new(arena: &Arena, touched: &[Touched<'_>]) -> Self {
        let mut bytes = Vec::with_capacity(touched.len() * BYTES_PER_KEY);
        let (writer, keys) = (Writer::new(arena, &[], touched), Keys::new(touched));
        writer.root(keys, &mut bytes);
        Self { bytes, may_vanish: arena.root().is_some_and(|root| writer.may_vanish(root, arena.from(), keys)) }
    }
}

/// The bytes of the whole: of the top, with those of the subtrees that it hides.
pub(crate) fn assemble(top: &Arena, below: &[Below<'_>], touched: &[Touched<'_>]) -> Vec<u8> {
    let fragments = below.iter().filter_map(|below| below.fragment.as_ref());
    let len: usize = fragments.map(|fragment| fragment.bytes.len()).sum();
    // The top has a branch and a hash for each subtree at most.
    let mut out = Vec::with_capacity(len + below.len() * 64);
    match top.root() {
        Some(_) if touched.is_empty() => put_hidden(&mut out, top.root_hash()),
        _ => Writer::new(top, below, touched).root(Keys::new(touched), &mut out),
    }
    out
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

    /// Those that go on to each side of the branch at `at`, which stands at `bit` and whose prefix begins at bit `from`.
    fn part(self, arena: &Arena, at: NodeId, bit: u16, from: u16) -> [Self; 2] {
        match self.touched {
            [] => [Self::NONE; 2],
            [(first, _), ..] if self.common > bit => {
                let inside = bit == from || arena.shared_bits(at, from, first) >= bit;
                let all = if inside { self } else { Self::NONE };
                if first.bit(bit) { [Self::NONE, all] } else { [all, Self::NONE] }
            }
            touched => {
                let inside = inside(arena, at, bit, from, touched);
                let (left, right) = inside.split_at(inside.partition_point(|(key, _)| !key.bit(bit)));
                [left, right].map(Self::new)
            }
        }
    }
}

impl<'a> Writer<'a> {
    fn new(arena: &'a Arena, below: &'a [Below<'a>], touched: &[Touched<'_>]) -> Self {
        Self { arena, below, deletes: touched.iter().any(|(_, deleted)| *deleted) }
    }

    /// Writes the root, revealed.
    fn root(&self, keys: Keys<'_, '_>, out: &mut Vec<u8>) {
        if let Some(root) = self.arena.root() {
            self.reveal(root, self.arena.from(), keys, out);
        }
    }

    /// Writes the node at `at`, whose prefix begins at bit `from`, and the ways of `keys` below it.
    fn reveal(&self, mut at: NodeId, mut from: u16, mut keys: Keys<'_, '_>, out: &mut Vec<u8>) {
        while let Place::Branch(branch) = at.place() {
            let branch = self.arena.node_branch(branch);
            let bit = branch.bit;
            put_branch(out, &self.arena.prefix(at, branch, from));
            let [left, right] = keys.part(self.arena, at, bit, from);
            let [left_at, right_at] = branch.children;
            from = bit + 1;
            // The other side moves up when all of one is deleted.
            if left.is_empty() && !self.may_vanish(right_at, from, right) {
                put_hidden(out, &branch.hashes[0]);
            } else {
                self.reveal(left_at, from, left, out);
            }
            if right.is_empty() && !self.may_vanish(left_at, from, left) {
                put_hidden(out, &branch.hashes[1]);
                return;
            }
            (at, keys) = (right_at, right);
        }
        match at.place() {
            // Ended the loop.
            Place::Branch(_) => {}
            Place::Leaf(leaf) => {
                let leaf = self.arena.node_leaf(leaf);
                put_leaf(out, &leaf.key, &leaf.value, from);
            }
            Place::Hidden(at) => match &self.below[at] {
                Below { fragment: Some(fragment), .. } => out.extend_from_slice(&fragment.bytes),
                Below { arena, fragment: None } => Writer::new(arena, &[], &[]).root(Keys::NONE, out),
            },
        }
    }

    /// Whether all leaves below the node at `at` may be deleted.
    fn may_vanish(&self, at: NodeId, from: u16, keys: Keys<'_, '_>) -> bool {
        if !self.deletes || keys.is_empty() {
            return false;
        }
        match at.place() {
            Place::Branch(branch) => {
                let branch = self.arena.node_branch(branch);
                let [left, right] = keys.part(self.arena, at, branch.bit, from);
                let [left_at, right_at] = branch.children;
                self.may_vanish(left_at, branch.bit + 1, left) && self.may_vanish(right_at, branch.bit + 1, right)
            }
            Place::Leaf(leaf) => {
                let own = &self.arena.node_leaf(leaf).key;
                keys.touched.iter().any(|(key, deleted)| *deleted && *key == own)
            }
            Place::Hidden(at) => self.below[at].fragment.as_ref().is_some_and(|fragment| fragment.may_vanish),
        }
    }
}
