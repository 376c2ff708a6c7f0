//! From key to leaf, without walking: what execution reads through.
//!
//! Holds positions only; keys are compared in the arena, so every call takes
//! it. Hashes are keyed at random by the process, so that nobody can choose
//! slots whose keys collide here.

use std::hash::BuildHasher;

use alloy_primitives::map::DefaultHashBuilder;
use hashbrown::HashTable;

use crate::arena::Arena;
use crate::keys::TreeKey;

/// Positions of all leaves by their keys.
#[derive(Clone, Default)]
pub(super) struct Index {
    positions: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.positions.len()
    }

    /// What it takes in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.positions.allocation_size()
    }

    pub(super) fn reserve(&mut self, leaves: usize, arena: &Arena) {
        self.positions.reserve(leaves, |at| self.hasher.hash_one(key_at(*at, arena)));
    }

    pub(super) fn find(&self, key: &TreeKey, arena: &Arena) -> Option<usize> {
        let hash = self.hasher.hash_one(key);
        self.positions.find(hash, |at| key_at(*at, arena) == key).map(|at| *at as usize)
    }

    /// Adds the leaf at `at`, whose key is not here yet.
    pub(super) fn insert(&mut self, at: usize, arena: &Arena) {
        let at = at as u32;
        let hash = self.hasher.hash_one(key_at(at, arena));
        self.positions.insert_unique(hash, at, |at| self.hasher.hash_one(key_at(*at, arena)));
    }

    /// Forgets a key while its leaf is still in the arena.
    pub(super) fn remove(&mut self, key: &TreeKey, arena: &Arena) {
        let hash = self.hasher.hash_one(key);
        if let Ok(entry) = self.positions.find_entry(hash, |at| key_at(*at, arena) == key) {
            entry.remove();
        }
    }
}

fn key_at(at: u32, arena: &Arena) -> &TreeKey {
    &arena.node_leaf(at as usize).key
}
