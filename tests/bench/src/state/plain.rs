//! The state tree written down plainly from EIP-8297: what ours is compared with, and checked by.
//!
//! Nodes in one array, one recursion for all updates of a block, BLAKE3 as its crate has it, hash by hash. It only knows
//! what the benchmark needs: building, and overwriting leaves that are there.

use weft_state::{TreeKey, UpdateBatch, Value};

enum Node {
    Leaf { key: TreeKey, value: Value, hash: [u8; 32] },
    Branch { bit: u16, prefix: Vec<u8>, children: [usize; 2], hash: [u8; 32] },
}

/// A tree of at least one leaf.
pub(super) struct PlainTree {
    nodes: Vec<Node>,
    root: usize,
}

type Update = (TreeKey, Option<Value>);

impl PlainTree {
    /// Of leaves in key order; none for no leaves.
    pub(super) fn new(leaves: &[(TreeKey, Value)]) -> Option<Self> {
        let mut tree = Self { nodes: Vec::with_capacity(2 * leaves.len()), root: 0 };
        tree.root = tree.build(leaves, 0)?;
        Some(tree)
    }

    pub(super) fn root(&self) -> [u8; 32] {
        self.nodes[self.root].hash()
    }

    fn build(&mut self, leaves: &[(TreeKey, Value)], from: u16) -> Option<usize> {
        let node = match leaves {
            [] => return None,
            [(key, value)] => Node::Leaf { key: *key, value: *value, hash: [0; 32] },
            [(first, _), .., (last, _)] => {
                let bit = first.common_bits(last);
                let (left, right) = leaves.split_at(leaves.partition_point(|(key, _)| !key.bit(bit)));
                let children = [self.build(left, bit + 1)?, self.build(right, bit + 1)?];
                Node::Branch { bit, prefix: prefix(first, from, bit), children, hash: [0; 32] }
            }
        };
        self.nodes.push(node);
        let at = self.nodes.len() - 1;
        self.rehash(at);
        Some(at)
    }

    /// Overwrites leaves. Updates of others, and deletions, are not for this tree.
    pub(super) fn apply(&mut self, updates: &UpdateBatch) {
        self.overwrite(self.root, updates.entries());
    }

    fn overwrite(&mut self, at: usize, updates: &[Update]) {
        if updates.is_empty() {
            return;
        }
        match &mut self.nodes[at] {
            Node::Leaf { key, value, .. } => {
                let own = updates.iter().find(|(updated, _)| updated == key);
                *value = own.and_then(|(_, new)| *new).unwrap_or(*value);
            }
            Node::Branch { bit, children, .. } => {
                let (bit, [left, right]) = (*bit, *children);
                let (to_left, to_right) = updates.split_at(updates.partition_point(|(key, _)| !key.bit(bit)));
                self.overwrite(left, to_left);
                self.overwrite(right, to_right);
            }
        }
        self.rehash(at);
    }

    fn rehash(&mut self, at: usize) {
        let new = match &self.nodes[at] {
            Node::Leaf { key, value, .. } => blake3::hash(&[&[0], key.as_slice(), value].concat()),
            Node::Branch { prefix, children: [left, right], .. } => {
                blake3::hash(&[&[1], &prefix[..], &self.nodes[*left].hash(), &self.nodes[*right].hash()].concat())
            }
        };
        match &mut self.nodes[at] {
            Node::Leaf { hash, .. } | Node::Branch { hash, .. } => *hash = new.into(),
        }
    }
}

impl Node {
    const fn hash(&self) -> [u8; 32] {
        match self {
            Self::Leaf { hash, .. } | Self::Branch { hash, .. } => *hash,
        }
    }
}

/// Number of bits (2), then the bits `from..to`, filled up with zeros.
fn prefix(key: &TreeKey, from: u16, to: u16) -> Vec<u8> {
    let mut out = (to - from).to_be_bytes().to_vec();
    for bit in from..to {
        if (bit - from).is_multiple_of(8) {
            out.push(0);
        }
        let last = out.len() - 1;
        out[last] |= u8::from(key.bit(bit)) << (7 - (bit - from) % 8);
    }
    out
}
