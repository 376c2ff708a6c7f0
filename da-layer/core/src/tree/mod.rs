//! Binary BLAKE3 Merkle trees with a power of two of leaves.
//!
//! Each use has its own keys for leaves and nodes ([`Domain`]), so no node can
//! pass for a leaf and no tree for another. The whole tree is kept (twice the
//! leaves): serving a path is then a copy. Absent leaves of the blob index are
//! zero hashes; its root also commits to their number.

mod path;
pub(crate) mod range;

use alloy_primitives::B256;
use rayon::prelude::*;

pub(crate) use path::root_of_path;

use crate::hash::{self, bytes_of, keyed, keyed_many};
use crate::schedule::Schedule;

/// Nodes that a worker hashes at a time.
const NODES_PER_TASK: usize = 512;

/// Leaves that a worker hashes at a time.
const LEAVES_PER_TASK: usize = 64;

/// Which tree of a block, that is, which keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Over the `4k` rows.
    Rows,
    /// Over the `k` digests of the original rows.
    Digests,
    /// Over the blob index.
    Index,
}

impl Domain {
    /// Key of the leaves.
    pub(crate) const fn leaf_key(self) -> &'static [u8; 32] {
        self.keys().0
    }

    const fn keys(self) -> (&'static [u8; 32], &'static [u8; 32]) {
        match self {
            Self::Rows => (hash::ROW_LEAF, hash::ROW_NODE),
            Self::Digests => (hash::DIGEST_LEAF, hash::DIGEST_NODE),
            Self::Index => (hash::INDEX_LEAF, hash::INDEX_NODE),
        }
    }

    /// Hash of a leaf.
    pub fn leaf(self, bytes: &[u8]) -> B256 {
        keyed(self.keys().0, bytes)
    }

    /// Hashes of leaves of `len` bytes that are concatenated in `parts`.
    pub(crate) fn hash_leaves(self, parts: &[&[u8]], len: usize, mut hashes: &mut [B256], schedule: Schedule) {
        for leaves in parts {
            let (these, others) = hashes.split_at_mut(leaves.len() / len);
            hash_all(self.keys().0, len, &leaves[..these.len() * len], these, LEAVES_PER_TASK, schedule);
            hashes = others;
        }
    }

    /// Hash of an interior node.
    pub fn node(self, left: &B256, right: &B256) -> B256 {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(left.as_slice());
        bytes[32..].copy_from_slice(right.as_slice());
        keyed(self.keys().1, &bytes)
    }
}

/// Keyed hashes of the inputs of `len` bytes that are concatenated in `inputs`.
fn hash_all(key: &[u8; 32], len: usize, inputs: &[u8], hashes: &mut [B256], per_task: usize, schedule: Schedule) {
    if schedule == Schedule::Parallel && hashes.len() > per_task {
        let parts = hashes.par_chunks_mut(per_task).zip(inputs.par_chunks(per_task * len));
        parts.for_each(|(hashes, inputs)| keyed_many(key, len, inputs, hashes));
    } else {
        keyed_many(key, len, inputs, hashes);
    }
}

/// A whole tree: `nodes[1]` is the root, `nodes[i]` the parent of `nodes[2i]`
/// and `nodes[2i + 1]`, the upper half are the leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    nodes: Vec<B256>,
}

impl Tree {
    /// The tree over `leaves`, filled with zero hashes to a power of two.
    pub fn from_leaves(domain: Domain, leaves: &[B256], schedule: Schedule) -> Self {
        let width = leaves.len().next_power_of_two();
        let mut nodes = vec![B256::ZERO; 2 * width];
        nodes[width..][..leaves.len()].copy_from_slice(leaves);
        Self::above_leaves(domain, nodes, schedule)
    }

    /// The tree over rows of `row_len` bytes, concatenated in `rows`.
    pub fn over(domain: Domain, rows: &[u8], row_len: usize, schedule: Schedule) -> Self {
        Self::over_leaves(domain, rows.len() / row_len, schedule, |leaves, _| {
            domain.hash_leaves(&[rows], row_len, leaves, schedule);
        })
    }

    /// The tree over `count` leaves that `fill` writes; it may use as many hashes beside them, which are overwritten later.
    pub(crate) fn over_leaves(
        domain: Domain,
        count: usize,
        schedule: Schedule,
        fill: impl FnOnce(&mut [B256], &mut [B256]),
    ) -> Self {
        let width = count.next_power_of_two();
        let mut nodes = vec![B256::ZERO; 2 * width];
        let (nodes_above, leaves) = nodes.split_at_mut(width);
        fill(&mut leaves[..count], &mut nodes_above[..count]);
        nodes[0] = B256::ZERO;
        Self::above_leaves(domain, nodes, schedule)
    }

    /// Fills the lower half of `nodes`.
    fn above_leaves(domain: Domain, mut nodes: Vec<B256>, schedule: Schedule) -> Self {
        let mut level = nodes.len() / 4;
        while level > 0 {
            let (upper, children) = nodes.split_at_mut(2 * level);
            let children = bytes_of(&children[..2 * level]);
            hash_all(domain.keys().1, 64, children, &mut upper[level..], NODES_PER_TASK, schedule);
            level /= 2;
        }
        Self { nodes }
    }

    /// The root.
    pub fn root(&self) -> B256 {
        self.nodes[1]
    }

    /// Number of leaves, with the zero hashes that fill it to a power of two.
    pub fn width(&self) -> usize {
        self.nodes.len() / 2
    }

    /// Hashes of the leaves: what a store keeps to serve paths without hashing rows again.
    pub fn leaves(&self) -> &[B256] {
        &self.nodes[self.width()..]
    }

    /// Siblings from the leaf to below the root; `None` beyond the last leaf.
    pub fn path(&self, leaf: usize) -> Option<Vec<B256>> {
        if leaf >= self.width() {
            return None;
        }
        let mut at = self.width() + leaf;
        let mut path = Vec::with_capacity(self.width().trailing_zeros() as usize);
        while at > 1 {
            path.push(self.nodes[at ^ 1]);
            at /= 2;
        }
        Some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaves(count: usize, seed: u8) -> Vec<B256> {
        (0..count).map(|at| Domain::Rows.leaf(&[seed, at as u8, (at >> 8) as u8])).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn paths_prove_exactly_their_leaf(bits in 0u32..11, seed: u8, at: prop::sample::Index, other: prop::sample::Index) {
            let leaves = leaves(1 << bits, seed);
            let tree = Tree::from_leaves(Domain::Rows, &leaves, Schedule::Parallel);
            prop_assert_eq!(&tree, &Tree::from_leaves(Domain::Rows, &leaves, Schedule::Sequential));
            let (at, other) = (at.index(leaves.len()), other.index(leaves.len()));
            let path = tree.path(at).expect("in range");
            prop_assert_eq!(path.len(), bits as usize);
            let root = |index, leaf, path: &[B256]| root_of_path(Domain::Rows, index, leaf, path);
            prop_assert_eq!(root(at, leaves[at], &path), tree.root());
            prop_assert_eq!(root(other, leaves[at], &path) == tree.root(), at == other);
            prop_assert_eq!(root(at, leaves[other], &path) == tree.root(), at == other);
            prop_assert_ne!(root_of_path(Domain::Digests, at, leaves[at], &path) == tree.root(), bits > 0);
            for sibling in 0..path.len() {
                let mut bad = path.clone();
                bad[sibling].0[seed as usize % 32] ^= 1;
                prop_assert_ne!(root(at, leaves[at], &bad), tree.root());
            }
            prop_assert_eq!(tree.path(leaves.len()), None);
        }
    }
}
