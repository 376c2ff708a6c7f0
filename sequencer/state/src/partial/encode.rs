//! The bytes of a partial tree: its nodes in preorder.
//!
//! - hidden: `00 || hash (32)`;
//! - branch: `01 || prefix length in bits (2) || prefix, zero-padded || left node || right node`;
//! - leaf: `02 || key length in bytes (1) || key || value (32)`, the key without
//!   the whole bytes that the way to the leaf gives.
//!
//! Big-endian. The empty tree is no bytes at all.

use super::{PartialTree, tag};
use crate::arena::{NodeId, Place};
use crate::hash::NodeHash;
use crate::keys::{MAX_KEY_BYTES, TreeKey};

/// A node to write.
struct Next<'a> {
    node: NodeId,
    hash: &'a NodeHash,
    /// First bit of its prefix.
    from: u16,
    /// A key with the bits of its way, if one was met already.
    sample: Option<&'a TreeKey>,
}

impl PartialTree {
    /// The witness bytes; see the module.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let arena = &self.arena;
        let root = arena.root().map(|node| Next { node, hash: arena.root_hash(), from: 0, sample: None });
        let mut stack: Vec<Next<'_>> = root.into_iter().collect();
        while let Some(next) = stack.pop() {
            match next.node.place() {
                Place::Hidden(_) => {
                    out.push(tag::HIDDEN);
                    out.extend_from_slice(next.hash);
                }
                Place::Leaf(at) => {
                    let leaf = arena.node_leaf(at);
                    let key = leaf.key.as_slice();
                    out.extend([tag::LEAF, key.len() as u8]);
                    out.extend_from_slice(&key[usize::from(next.from / 8)..]);
                    out.extend_from_slice(&leaf.value);
                }
                Place::Branch(at) => {
                    let branch = arena.node_branch(at);
                    let sample = next.sample.unwrap_or_else(|| arena.sample(next.node));
                    put_prefix(&mut out, sample, next.from, branch.bit);
                    let from = branch.bit + 1;
                    let [left, right] = branch.children;
                    stack.push(Next { node: right, hash: &branch.hashes[1], from, sample: None });
                    stack.push(Next { node: left, hash: &branch.hashes[0], from, sample: Some(sample) });
                }
            }
        }
        out
    }
}

fn put_prefix(out: &mut Vec<u8>, sample: &TreeKey, from: u16, to: u16) {
    let mut prefix = [0; MAX_KEY_BYTES];
    let len = sample.copy_bits(from, to, &mut prefix);
    out.push(tag::BRANCH);
    out.extend_from_slice(&(to - from).to_be_bytes());
    out.extend_from_slice(&prefix[..len]);
}
