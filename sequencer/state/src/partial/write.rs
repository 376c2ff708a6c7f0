//! The bytes of a part of a whole tree, written in one walk over each of its arenas.
//!
//! The part is that of [`Tree::partial`](crate::Tree::partial), which is never made. A subtree's share is a
//! [`Fragment`], which can be written while the subtree is in the cache of the thread that has just hashed it; the
//! top's walk gives each its place ([`super::pieces`]). Where nothing is deleted, as nearly always, a share is written
//! by [`super::ways`], which is faster. The rules of what is revealed are in [`super::prune`], the bytes in
//! [`super::encode`].

use super::encode::{put_branch, put_hidden, put_leaf};
use super::pieces::WitnessBytes;
use super::prune::{Touched, inside};
use super::ways::ways;
use crate::arena::{Arena, Branch, NodeId, Place};

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

/// Walks over one arena.
struct Writer<'a> {
    arena: &'a Arena,
    /// What lies below the nodes that the arena hides.
    below: &'a [Below<'a>],
    /// Whether anything may be deleted at all.
    deletes: bool,
    out: Vec<u8>,
    /// Subtrees of which the fragment belongs between what is written, each with the number of bytes before it.
    between: Vec<(usize, usize)>,
}

impl Fragment {
    /// Of an arena that hides nothing.
    pub(crate) fn new(arena: &Arena, touched: &[Touched<'_>]) -> Self {
        let capacity = touched.len() * BYTES_PER_KEY;
        if !deletes(touched) {
            return Self { bytes: ways(arena, touched, capacity), may_vanish: false };
        }
        let mut writer = Writer::new(arena, &[], touched, capacity);
        writer.root(touched);
        let may_vanish = arena.root().is_some_and(|root| writer.may_vanish(root, arena.from(), touched));
        Self { bytes: writer.out, may_vanish }
    }
}

/// The bytes of the whole: of the top, with those of the subtrees that it hides.
pub(crate) fn assemble(top: &Arena, mut below: Vec<Below<'_>>, touched: &[Touched<'_>]) -> WitnessBytes {
    // The top has a branch and a hash for each subtree at most.
    let mut writer = Writer::new(top, &below, touched, below.len() * 64);
    match top.root() {
        Some(_) if touched.is_empty() => put_hidden(&mut writer.out, top.root_hash()),
        _ => writer.root(touched),
    }
    let Writer { out, between, .. } = writer;
    let fragment = |(at, number): (usize, usize)| Some((at, below[number].fragment.take()?.bytes));
    WitnessBytes::new(out, between.into_iter().filter_map(fragment).collect())
}

fn deletes(touched: &[Touched<'_>]) -> bool {
    touched.iter().any(|(_, deleted)| *deleted)
}

/// Those keys that go to each side of the branch at `at`, which stands at `bit` and whose prefix begins at bit `from`.
fn part<'t, 'k>(
    arena: &Arena,
    at: NodeId,
    bit: u16,
    from: u16,
    touched: &'t [Touched<'k>],
) -> (&'t [Touched<'k>], &'t [Touched<'k>]) {
    let inside = inside(arena, at, bit, from, touched);
    inside.split_at(inside.partition_point(|(key, _)| !key.bit(bit)))
}

impl<'a> Writer<'a> {
    fn new(arena: &'a Arena, below: &'a [Below<'a>], touched: &[Touched<'_>], capacity: usize) -> Self {
        let out = Vec::with_capacity(capacity);
        Self { arena, below, deletes: deletes(touched), out, between: Vec::new() }
    }

    /// Writes the root, revealed.
    fn root(&mut self, touched: &[Touched<'_>]) {
        if let Some(root) = self.arena.root() {
            self.reveal(root, self.arena.from(), touched);
        }
    }

    /// Writes the node at `at`, whose prefix begins at bit `from`, and the ways of `touched` below it.
    fn reveal(&mut self, at: NodeId, from: u16, touched: &[Touched<'_>]) {
        let Place::Branch(branch) = at.place() else { return self.end(at, from) };
        let arena = self.arena;
        let branch = arena.node_branch(branch);
        put_branch(&mut self.out, &arena.prefix(at, branch, from));
        let (left, right) = part(arena, at, branch.bit, from, touched);
        for (side, touched, beside) in [(0, left, right), (1, right, left)] {
            let (at, from) = (branch.children[side], branch.bit + 1);
            // Where all that is beside it is deleted it moves up.
            if touched.is_empty() && !self.may_vanish(branch.children[1 - side], from, beside) {
                put_hidden(&mut self.out, &branch.hashes[side]);
            } else {
                self.reveal(at, from, touched);
            }
        }
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
                Below { fragment: Some(_), .. } => self.between.push((self.out.len(), at)),
                Below { arena, fragment: None } => self.out.extend_from_slice(&Fragment::new(arena, &[]).bytes),
            },
        }
    }

    /// Whether all leaves below the node at `at` may be deleted.
    fn may_vanish(&self, at: NodeId, from: u16, touched: &[Touched<'_>]) -> bool {
        if !self.deletes || touched.is_empty() {
            return false;
        }
        match at.place() {
            Place::Branch(branch) => {
                let Branch { bit, children: [left, right], .. } = self.arena.node_branch(branch);
                let (to_left, to_right) = part(self.arena, at, *bit, from, touched);
                self.may_vanish(*left, bit + 1, to_left) && self.may_vanish(*right, bit + 1, to_right)
            }
            Place::Leaf(leaf) => {
                let own = &self.arena.node_leaf(leaf).key;
                touched.iter().any(|(key, deleted)| *deleted && *key == own)
            }
            Place::Hidden(at) => self.below[at].fragment.as_ref().is_some_and(|fragment| fragment.may_vanish),
        }
    }
}
