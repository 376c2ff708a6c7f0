//! Hashing what is dirty, the deepest branching bits first.
//!
//! A branch's children branch at later bits than it does. So all leaves can be
//! hashed at once, then all branches at the last bit, and so on up: whatever a
//! node's hash needs is there before its turn. Within one level the order does
//! not matter, which is what threads (and vector lanes) need.

use rayon::prelude::*;
use weft_hash::{Lanes, Message, hash_many};

use super::{Arena, NodeId, Place};
use crate::hash::{self, NodeHash};
use crate::keys::MAX_KEY_BITS;

/// Nodes that one thread hashes at a time; smaller levels are not worth handing to other threads.
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

/// A node to hash, and where its hash goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    pub(crate) node: NodeId,
    /// The branch above, and the side on which the node hangs there.
    pub(crate) parent: usize,
    pub(crate) side: usize,
    /// First bit of the node's prefix: the one after the branch above.
    pub(crate) from: u16,
}

/// All nodes to hash, except the root.
#[derive(Debug)]
pub(crate) struct Dirty {
    leaves: Vec<Job>,
    /// By the bit at which they branch.
    branches: Vec<Vec<Job>>,
}

impl Dirty {
    pub(crate) fn new() -> Self {
        Self { leaves: Vec::new(), branches: vec![Vec::new(); usize::from(MAX_KEY_BITS)] }
    }
}

impl Arena {
    /// Notes that the `side` child of the branch at `parent` has to be hashed.
    ///
    /// Not for hidden nodes: their hash is known, and cannot be found again.
    pub(crate) fn mark(&self, dirty: &mut Dirty, parent: usize, side: usize) {
        let branch = &self.branches[parent];
        let job = Job { node: branch.children[side], parent, side, from: branch.bit + 1 };
        match job.node.place() {
            Place::Leaf(_) => dirty.leaves.push(job),
            Place::Branch(at) => dirty.branches[usize::from(self.branches[at].bit)].push(job),
            Place::Hidden(_) => {}
        }
    }

    /// Hashes what is dirty, and the root.
    pub(crate) fn rehash(&mut self, dirty: &Dirty, schedule: Schedule) {
        let mut hashes = Vec::new();
        self.hash_level(&dirty.leaves, schedule, &mut hashes);
        for level in dirty.branches.iter().rev() {
            self.hash_level(level, schedule, &mut hashes);
        }
        self.root_hash = match self.root {
            None => [0; 32],
            Some(root) => self.preimage(root, 0).map_or(self.root_hash, |preimage| preimage.hash()),
        };
    }

    fn hash_level(&mut self, jobs: &[Job], schedule: Schedule, hashes: &mut Vec<NodeHash>) {
        hashes.clear();
        hashes.resize(jobs.len(), [0; 32]);
        if schedule == Schedule::Parallel && jobs.len() >= 2 * CHUNK {
            let chunks = hashes.par_chunks_mut(CHUNK).zip(jobs.par_chunks(CHUNK));
            chunks.for_each(|(hashes, jobs)| self.hash_jobs(jobs, hashes));
        } else {
            self.hash_jobs(jobs, hashes);
        }
        for (job, hash) in jobs.iter().zip(hashes) {
            self.branches[job.parent].hashes[job.side] = *hash;
        }
    }

    fn hash_jobs(&self, jobs: &[Job], hashes: &mut [NodeHash]) {
        let mut preimages = Vec::with_capacity(CHUNK);
        for (jobs, hashes) in jobs.chunks(CHUNK).zip(hashes.chunks_mut(CHUNK)) {
            preimages.clear();
            // Hidden nodes are never marked, so there is one for each job.
            preimages.extend(jobs.iter().filter_map(|job| self.preimage(job.node, job.from)));
            hash_many(Lanes::best(), &preimages, hashes);
        }
    }

    /// What the hash of a node is taken of, its prefix beginning at bit `from`; `None` for a hidden one.
    fn preimage(&self, node: NodeId, from: u16) -> Option<Message> {
        match node.place() {
            Place::Leaf(at) => {
                let leaf = &self.leaves[at];
                Some(hash::leaf(&leaf.key, &leaf.value))
            }
            Place::Branch(at) => {
                let branch = &self.branches[at];
                let [left, right] = &branch.hashes;
                Some(hash::branch(&self.prefix(node, branch, from), left, right))
            }
            Place::Hidden(_) => None,
        }
    }
}
