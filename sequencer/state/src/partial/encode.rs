//! The bytes of a partial tree: its nodes in preorder.
//!
//! - hidden: `00 || hash (32)`;
//! - branch: `01 || prefix length in bits (2) || prefix, zero-padded || left node || right node`;
//! - leaf: `02 || key length in bytes (1) || key || value (32)`, the key without
//!   the whole bytes that the way to the leaf gives.
//!
//! Big-endian. The empty tree is no bytes at all.

use super::{PartialTree, tag};
use crate::Value;
use crate::arena::{NodeId, Place};
use crate::hash::{NodeHash, Prefix};
use crate::keys::{MAX_KEY_BYTES, TreeKey};

/// A node to write.
struct Next<'a> {
    node: NodeId,
    hash: &'a NodeHash,
    /// First bit of its prefix.
    from: u16,
}

impl PartialTree {
    /// The witness bytes; see the module.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let arena = &self.arena;
        let root = arena.root().map(|node| Next { node, hash: arena.root_hash(), from: 0 });
        let mut stack: Vec<Next<'_>> = root.into_iter().collect();
        while let Some(Next { node, hash, from }) = stack.pop() {
            match node.place() {
                Place::Hidden(_) => put_hidden(&mut out, hash),
                Place::Leaf(at) => {
                    let leaf = arena.node_leaf(at);
                    put_leaf(&mut out, &leaf.key, &leaf.value, from);
                }
                Place::Branch(at) => {
                    let branch = arena.node_branch(at);
                    put_branch(&mut out, &arena.prefix(node, branch, from));
                    let ([left, right], from) = (branch.children, branch.bit + 1);
                    stack.push(Next { node: right, hash: &branch.hashes[1], from });
                    stack.push(Next { node: left, hash: &branch.hashes[0], from });
                }
            }
        }
        out
    }
}

pub(super) fn put_hidden(out: &mut Vec<u8>, hash: &NodeHash) {
    out.push(tag::HIDDEN);
    out.extend_from_slice(hash);
}

pub(super) fn put_branch(out: &mut Vec<u8>, prefix: &Prefix<'_>) {
    let mut bytes = [0; MAX_KEY_BYTES];
    let (bits, len) = prefix.put(&mut bytes);
    out.push(tag::BRANCH);
    out.extend_from_slice(&bits.to_be_bytes());
    out.extend_from_slice(&bytes[..len]);
}

/// The leaf's prefix begins at bit `from`.
pub(super) fn put_leaf(out: &mut Vec<u8>, key: &TreeKey, value: &Value, from: u16) {
    let key = key.as_slice();
    out.extend([tag::LEAF, key.len() as u8]);
    out.extend_from_slice(&key[usize::from(from / 8)..]);
    out.extend_from_slice(value);
}
