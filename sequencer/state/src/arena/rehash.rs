//! Hashing what is dirty, from the leaves up.
//!
//! A node stands as high as the longest way down to a dirty leaf. All leaves can
//! be hashed at once, then all branches of height one, and so on: whatever a
//! node's hash needs is there before its turn. Within one height the order does
//! not matter, which is what vector lanes (and threads) need; that is why the
//! subtrees of one task are hashed together.

use rayon::prelude::*;
use weft_hash::{Lanes, Message, hash_many};

use super::{Arena, NodeId, Place};
use crate::hash::{self, NodeHash};

/// Nodes that one thread hashes at a time; lower counts are not worth handing to other threads.
const CHUNK: usize = 64;

/// How to read and to hash; the result is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Schedule {
    /// On the calling thread.
    Sequential,
    /// On rayon's threads, where there is enough to do.
    #[default]
    Parallel,
}

/// How high a node stands above the dirty leaves below it; `None` if nothing below has changed.
pub(super) type Height = Option<u16>;

/// Where a node's hash goes.
#[derive(Clone, Copy, Debug)]
enum Above {
    /// To the branch above, and the side on which the node hangs there.
    Branch(u32, bool),
    /// It is its arena's root.
    Nothing,
}

/// A node to hash.
#[derive(Clone, Copy, Debug)]
struct Job {
    /// Which of the arenas that are hashed together.
    arena: u32,
    node: NodeId,
    above: Above,
    /// First bit of the node's prefix: the one after the branch above.
    from: u16,
}

/// All nodes to hash, by their height.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    heights: Vec<Vec<Job>>,
}

impl Dirty {
    fn push(&mut self, height: u16, job: Job) {
        let height = usize::from(height);
        if height >= self.heights.len() {
            self.heights.resize_with(height + 1, Vec::new);
        }
        self.heights[height].push(job);
    }
}

impl Arena {
    /// Notes that the `side` child of the branch at `parent`, of this arena, which is the one numbered `arena`, has to be hashed.
    ///
    /// Not for hidden nodes: their hash is known, and cannot be found again.
    pub(super) fn mark(&self, dirty: &mut Dirty, arena: u32, parent: usize, side: usize, height: u16) {
        let branch = &self.branches[parent];
        let node = branch.children[side];
        if !matches!(node.place(), Place::Hidden(_)) {
            let above = Above::Branch(parent as u32, side == 1);
            dirty.push(height, Job { arena, node, above, from: branch.bit + 1 });
        }
    }

    /// Notes that the root has to be hashed.
    pub(super) fn mark_root(&mut self, dirty: &mut Dirty, arena: u32, height: u16) {
        match self.root {
            None => self.root_hash = [0; 32],
            Some(node) if matches!(node.place(), Place::Hidden(_)) => {}
            Some(node) => dirty.push(height, Job { arena, node, above: Above::Nothing, from: self.from }),
        }
    }

    /// Notes everything.
    pub(crate) fn mark_all(&mut self, dirty: &mut Dirty) {
        if let Some(root) = self.root {
            let height = self.mark_below(root, dirty);
            self.mark_root(dirty, 0, height);
        }
    }

    fn mark_below(&self, at: NodeId, dirty: &mut Dirty) -> u16 {
        let Place::Branch(branch) = at.place() else { return 0 };
        let heights = self.branches[branch].children.map(|child| self.mark_below(child, dirty));
        for (side, height) in heights.into_iter().enumerate() {
            self.mark(dirty, 0, branch, side, height);
        }
        heights[0].max(heights[1]) + 1
    }

    /// The root's prefix begins at bit `from` now: its hash is found again.
    pub(crate) fn set_from(&mut self, from: u16) {
        self.from = from;
        if let Some(root) = self.root {
            self.root_hash = self.node_hash(root, from);
        }
    }

    /// The hash of a node, not a hidden one, whose prefix begins at bit `from`.
    pub(crate) fn node_hash(&self, node: NodeId, from: u16) -> NodeHash {
        let mut message = Message::default();
        self.preimage(node, from, &mut message);
        message.hash()
    }

    /// Writes what the hash of a node is taken of, its prefix beginning at bit `from`; not for a hidden one.
    fn preimage(&self, node: NodeId, from: u16, message: &mut Message) {
        match node.place() {
            Place::Leaf(at) => {
                let leaf = &self.leaves[at];
                message.set(hash::leaf(&leaf.key, &leaf.value));
            }
            Place::Branch(at) => {
                let branch = &self.branches[at];
                let [left, right] = &branch.hashes;
                message.set(hash::branch(&self.prefix(node, branch, from), left, right));
            }
            Place::Hidden(_) => {}
        }
    }

    fn set_hash(&mut self, above: Above, hash: NodeHash) {
        match above {
            Above::Branch(parent, side) => self.branches[parent as usize].hashes[usize::from(side)] = hash,
            Above::Nothing => self.root_hash = hash,
        }
    }
}

/// Hashes what is dirty in these arenas, in the order of the numbers with which it was marked.
pub(crate) fn rehash(arenas: &mut [&mut Arena], dirty: &Dirty, schedule: Schedule) {
    let most = dirty.heights.iter().map(Vec::len).max().unwrap_or(0);
    let mut hashes = Vec::with_capacity(most);
    // Once for all heights: most have a few nodes, and this takes longer to clear than they take to hash.
    let room = || vec![Message::default(); most.min(CHUNK)];
    let mut messages = room();
    for jobs in &dirty.heights {
        hashes.clear();
        hashes.resize(jobs.len(), [0; 32]);
        if schedule == Schedule::Parallel && jobs.len() >= 2 * CHUNK {
            let chunks = hashes.par_chunks_mut(CHUNK).zip(jobs.par_chunks(CHUNK));
            chunks.for_each_init(room, |messages, (hashes, jobs)| hash_jobs(arenas, jobs, messages, hashes));
        } else {
            hash_jobs(arenas, jobs, &mut messages, &mut hashes);
        }
        for (job, hash) in jobs.iter().zip(&hashes) {
            arenas[job.arena as usize].set_hash(job.above, *hash);
        }
    }
}

/// With room for the messages of a chunk, or of all jobs.
fn hash_jobs(arenas: &[&mut Arena], jobs: &[Job], messages: &mut [Message], hashes: &mut [NodeHash]) {
    for (jobs, hashes) in jobs.chunks(CHUNK).zip(hashes.chunks_mut(CHUNK)) {
        let messages = &mut messages[..jobs.len()];
        for (job, message) in jobs.iter().zip(&mut *messages) {
            // Hidden nodes are never marked.
            arenas[job.arena as usize].preimage(job.node, job.from, message);
        }
        hash_many(Lanes::best(), messages, hashes);
    }
}
