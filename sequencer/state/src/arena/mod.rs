//! The shape of a tree: nodes in arenas, with path compression.
//!
//! A branch stands at the first bit in which the keys below it differ. Its
//! hash covers its prefix: the bits that those keys share since the branch
//! above. It holds the 64 bits before its own, which are nearly always all of
//! the prefix; a longer one is read off any key below. A leaf commits its whole
//! key, so leaves never change when branches move. Each branch holds the
//! hashes of its two children, so that hashing it touches no other node.
//!
//! A node may be hidden: only its hash is known, and the bits that lead to it.
//! A partial tree has such nodes, and so has the top of a whole one, below which
//! the arenas of its subtrees hang. They share everything here. Only [`edit`]
//! and [`graft`] change the shape; only [`rehash`] finds hashes.
//!
//! Deliberately absent: an index from key to leaf (a subtree's own).

mod edit;
mod graft;
mod plan;
mod prove;
mod rehash;
mod walk;

use crate::Value;
use crate::hash::{NodeHash, Prefix};
use crate::keys::TreeKey;

pub use plan::PrefixError;
pub(crate) use prove::Way;
pub use rehash::Schedule;
pub(crate) use rehash::{Dirty, rehash};
pub(crate) use walk::Found;

/// Grows by an eighth where a vector would double: there are many arenas, and what they do not use adds up.
fn make_room<T>(nodes: &mut Vec<T>) {
    if nodes.len() == nodes.capacity() {
        nodes.reserve_exact(nodes.len() / 8 + 8);
    }
}

/// Most nodes of one kind. A tree as large would take 200 GB.
const MAX_NODES: usize = 1 << 30;

/// A node: its kind and its position in that kind's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(u32);

/// A [`NodeId`] taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Branch(usize),
    Leaf(usize),
    Hidden(usize),
}

impl NodeId {
    /// Holds the place of a child that is about to be hung up.
    pub(crate) const PENDING: Self = Self(u32::MAX);

    const fn new(kind: u32, at: usize) -> Self {
        assert!(at < MAX_NODES, "the tree is full");
        Self(kind << 30 | at as u32)
    }

    const fn branch(at: usize) -> Self {
        Self::new(0, at)
    }

    const fn leaf(at: usize) -> Self {
        Self::new(1, at)
    }

    const fn hidden(at: usize) -> Self {
        Self::new(2, at)
    }

    pub(crate) const fn place(self) -> Place {
        let at = self.0 as usize & (MAX_NODES - 1);
        match self.0 >> 30 {
            0 => Place::Branch(at),
            1 => Place::Leaf(at),
            _ => Place::Hidden(at),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Branch {
    /// Hashes of the children, or zero where they are yet to be hashed.
    pub(crate) hashes: [NodeHash; 2],
    /// The 64 bits before `bit` on the way here.
    window: u64,
    pub(crate) children: [NodeId; 2],
    /// The first bit in which keys below differ.
    pub(crate) bit: u16,
}

#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) key: TreeKey,
    pub(crate) value: Value,
}

/// A node of which only the hash is known; its parent, or the arena for the root, holds that.
#[derive(Clone, Debug)]
pub(crate) struct Hidden {
    /// The bits that lead here, filled up with zeros to the longest key.
    pub(crate) path: TreeKey,
    /// How many bits those are.
    pub(crate) bits: u16,
}

/// Nodes and the root.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arena {
    branches: Vec<Branch>,
    leaves: Vec<Leaf>,
    hidden: Vec<Hidden>,
    free_branches: Vec<usize>,
    free_leaves: Vec<usize>,
    root: Option<NodeId>,
    root_hash: NodeHash,
    /// First bit of the root's prefix; not zero if this is a part of a tree, below some branch.
    from: u16,
}

impl Arena {
    /// An empty one, for what lies below some branch: its root's prefix begins at bit `from`.
    pub(crate) fn below(from: u16) -> Self {
        Self { from, ..Self::default() }
    }

    pub(crate) const fn root(&self) -> Option<NodeId> {
        self.root
    }

    /// Zero for the empty tree.
    pub(crate) const fn root_hash(&self) -> &NodeHash {
        &self.root_hash
    }

    /// First bit of the root's prefix.
    pub(crate) const fn from(&self) -> u16 {
        self.from
    }

    /// Makes `root` the root; its hash is set by [`Arena::rehash`], or known if it is hidden.
    pub(crate) const fn set_root(&mut self, root: NodeId, hash: NodeHash) {
        self.root = Some(root);
        self.root_hash = hash;
    }

    pub(crate) fn node_branch(&self, at: usize) -> &Branch {
        &self.branches[at]
    }

    pub(crate) fn node_leaf(&self, at: usize) -> &Leaf {
        &self.leaves[at]
    }

    pub(crate) fn node_hidden(&self, at: usize) -> &Hidden {
        &self.hidden[at]
    }

    /// Hangs `child` with its hash, if that is known, below the branch at `parent`.
    pub(crate) fn hang(&mut self, parent: usize, side: usize, child: NodeId, hash: NodeHash) {
        let branch = &mut self.branches[parent];
        branch.children[side] = child;
        branch.hashes[side] = hash;
    }

    /// A branch at `bit` of `path`, with children that the caller has hashed or will have hashed.
    pub(crate) fn add_branch(
        &mut self,
        path: &TreeKey,
        bit: u16,
        children: [NodeId; 2],
        hashes: [NodeHash; 2],
    ) -> NodeId {
        self.put_branch(Branch { hashes, window: path.window(bit), children, bit })
    }

    fn put_branch(&mut self, branch: Branch) -> NodeId {
        if let Some(at) = self.free_branches.pop() {
            self.branches[at] = branch;
            return NodeId::branch(at);
        }
        make_room(&mut self.branches);
        self.branches.push(branch);
        NodeId::branch(self.branches.len() - 1)
    }

    pub(crate) fn add_leaf(&mut self, key: TreeKey, value: Value) -> NodeId {
        let leaf = Leaf { key, value };
        if let Some(at) = self.free_leaves.pop() {
            self.leaves[at] = leaf;
            return NodeId::leaf(at);
        }
        make_room(&mut self.leaves);
        self.leaves.push(leaf);
        NodeId::leaf(self.leaves.len() - 1)
    }

    /// A hidden node behind the first `bits` bits of `path`.
    pub(crate) fn add_hidden(&mut self, path: &TreeKey, bits: u16) -> NodeId {
        self.hidden.push(Hidden { path: path.cut(bits), bits });
        NodeId::hidden(self.hidden.len() - 1)
    }

    /// A hidden node that is the root.
    pub(crate) fn add_hidden_root(&mut self) -> NodeId {
        self.add_hidden(&TreeKey::zeros(), 0)
    }

    /// Makes room for so many leaves more.
    pub(crate) fn reserve(&mut self, leaves: usize) {
        self.leaves.reserve_exact(leaves);
        self.branches.reserve_exact(leaves);
    }

    /// What it takes in memory, in bytes.
    pub(crate) const fn bytes(&self) -> usize {
        self.branches.capacity() * size_of::<Branch>() + self.leaves.capacity() * size_of::<Leaf>()
    }

    /// How many leaves there are.
    pub(crate) const fn leaf_count(&self) -> usize {
        self.leaves.len() - self.free_leaves.len()
    }

    /// The prefix of the branch at `at`, which begins at bit `from`.
    pub(crate) fn prefix<'a>(&'a self, at: NodeId, branch: &Branch, from: u16) -> Prefix<'a> {
        match branch.bit - from {
            len @ ..=64 => Prefix::Word { word: branch.window, len },
            _ => Prefix::Key { key: self.sample(at), from, to: branch.bit },
        }
    }

    /// A key whose bits up to `at` are those of every key below `at`.
    pub(crate) fn sample(&self, mut at: NodeId) -> &TreeKey {
        loop {
            match at.place() {
                Place::Branch(branch) => at = self.branches[branch].children[0],
                Place::Leaf(leaf) => return &self.leaves[leaf].key,
                Place::Hidden(hidden) => return &self.hidden[hidden].path,
            }
        }
    }
}
