//! Hashing what is dirty, level by level from the deepest up.

use rayon::prelude::*;

use super::{Kind, NodeId, Tree};
use crate::hash::{self, NodeHash};
use crate::keys::TreeKey;

/// Levels with fewer dirty nodes are not worth handing to other threads.
const PARALLEL_FROM: usize = 128;

/// How to hash; the result is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Schedule {
    /// On the calling thread.
    Sequential,
    /// On rayon's threads, where a level is large enough.
    #[default]
    Parallel,
}

/// A dirty node and what its hash needs besides its children.
struct Job {
    id: NodeId,
    /// The bit after the branch above.
    from: u16,
    /// Some key below the node.
    key: TreeKey,
}

impl Tree {
    pub(super) fn rehash(&mut self, schedule: Schedule) {
        let mut levels: Vec<Vec<Job>> = Vec::new();
        if let Some(root) = self.root {
            self.collect(root, &mut levels);
        }
        for level in levels.iter().rev() {
            let hashes: Vec<NodeHash> = if schedule == Schedule::Parallel && level.len() >= PARALLEL_FROM {
                level.par_iter().with_min_len(PARALLEL_FROM / 4).map(|job| self.hash_of(job)).collect()
            } else {
                level.iter().map(|job| self.hash_of(job)).collect()
            };
            for (job, hash) in level.iter().zip(hashes) {
                let node = self.node_mut(job.id);
                node.hash = hash;
                node.dirty = false;
            }
        }
    }

    /// Dirty nodes by depth. A dirty node's ancestors are dirty too, so clean ones end the search.
    fn collect(&self, root: NodeId, levels: &mut Vec<Vec<Job>>) {
        let mut stack = vec![(root, 0usize, 0u16)];
        while let Some((id, depth, from)) = stack.pop() {
            let node = self.node(id);
            if !node.dirty {
                continue;
            }
            if levels.len() == depth {
                levels.push(Vec::new());
            }
            levels[depth].push(Job { id, from, key: self.some_key(id) });
            if let Kind::Branch { bit, children } = node.kind {
                stack.extend(children.map(|child| (child, depth + 1, bit + 1)));
            }
        }
    }

    pub(super) fn some_key(&self, mut at: NodeId) -> TreeKey {
        loop {
            match &self.node(at).kind {
                Kind::Leaf { key, .. } => return *key,
                Kind::Branch { children, .. } => at = children[0],
            }
        }
    }

    fn hash_of(&self, job: &Job) -> NodeHash {
        match &self.node(job.id).kind {
            Kind::Leaf { key, value } => hash::leaf(key, value),
            Kind::Branch { bit, children } => {
                let [left, right] = children.map(|child| &self.node(child).hash);
                hash::branch(&job.key, job.from, *bit, left, right)
            }
        }
    }
}
