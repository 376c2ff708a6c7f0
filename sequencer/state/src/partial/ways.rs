//! The bytes of a share in which nothing is deleted, written from key to key.
//!
//! Each key goes on where it parts from the one before: on the right side of a branch of which that took the left one. So
//! keys are looked at once and in order, and nothing has to be searched for.

use super::encode::{HIDDEN_LEN, put_branch, put_hidden, put_leaf};
use super::prune::Touched;
use crate::arena::{Arena, NodeId, Place};
use crate::hash::NodeHash;
use crate::keys::TreeKey;

/// A branch of which the left side was taken.
struct Turn<'a> {
    bit: u16,
    right: NodeId,
    right_hash: &'a NodeHash,
}

/// The walk, between two keys.
struct Ways<'a> {
    arena: &'a Arena,
    /// On the way to the last key, from the top; what is to the right of them is yet to be written.
    turns: Vec<Turn<'a>>,
    /// The node that comes next, and the first bit of its prefix; `None`: what is to the right of the last turn.
    next: Option<(NodeId, u16)>,
    out: Vec<u8>,
}

/// The ways of the keys, which are in order, in an arena that hides nothing; with room for so many bytes.
pub(super) fn ways(arena: &Arena, touched: &[Touched<'_>], capacity: usize) -> Vec<u8> {
    let next = arena.root().map(|root| (root, arena.from()));
    let mut ways = Ways { arena, turns: Vec::new(), next, out: Vec::with_capacity(capacity) };
    let mut before: Option<&TreeKey> = None;
    for (key, _) in touched {
        if let Some(before) = before {
            ways.part(before.common_bits(key));
        }
        ways.go(key);
        before = Some(key);
    }
    ways.end();
    while let Some(turn) = ways.turns.pop() {
        put_hidden(&mut ways.out, turn.right_hash);
    }
    ways.out
}

impl<'a> Ways<'a> {
    /// The next key shares so many bits with the last one.
    fn part(&mut self, bits: u16) {
        if self.next.is_some_and(|(_, from)| bits < from) {
            self.end();
        }
        while let Some(turn) = self.turns.pop_if(|turn| turn.bit >= bits) {
            // The keys differ in this bit, in which the next one has a 1.
            if turn.bit == bits {
                self.next = Some((turn.right, bits + 1));
                return;
            }
            put_hidden(&mut self.out, turn.right_hash);
        }
    }

    /// Writes the way of a key from where it is.
    fn go(&mut self, key: &TreeKey) {
        let arena = self.arena;
        let Some((mut at, mut from)) = self.next.take() else { return };
        while let Place::Branch(branch) = at.place() {
            let branch = arena.node_branch(branch);
            let bit = branch.bit;
            let shared = arena.shared_bits(at, from, key).min(key.bits());
            if shared < bit || key.bits() == bit {
                self.next = Some((at, from));
                // Keys to come may be below it, unless this one is behind all that are.
                if key.bit(shared) {
                    self.end();
                }
                return;
            }
            put_branch(&mut self.out, &arena.prefix(at, branch, from));
            let side = usize::from(key.bit(bit));
            // Does both and takes one back, since nothing foretells to a processor which side it will be.
            let (out, turns) = (self.out.len() + side * HIDDEN_LEN, self.turns.len() + 1 - side);
            put_hidden(&mut self.out, &branch.hashes[0]);
            self.out.truncate(out);
            self.turns.push(Turn { bit, right: branch.children[1], right_hash: &branch.hashes[1] });
            self.turns.truncate(turns);
            (at, from) = (branch.children[side], bit + 1);
        }
        self.next = Some((at, from));
        self.end();
    }

    /// Writes the next node, and of what is below it the hashes.
    fn end(&mut self) {
        let Some((at, from)) = self.next.take() else { return };
        match at.place() {
            Place::Branch(branch) => {
                let branch = self.arena.node_branch(branch);
                put_branch(&mut self.out, &self.arena.prefix(at, branch, from));
                branch.hashes.iter().for_each(|hash| put_hidden(&mut self.out, hash));
            }
            Place::Leaf(leaf) => {
                let leaf = self.arena.node_leaf(leaf);
                put_leaf(&mut self.out, &leaf.key, &leaf.value, from);
            }
            Place::Hidden(_) => {}
        }
    }
}
