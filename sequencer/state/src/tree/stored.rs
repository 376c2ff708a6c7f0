//! What a tree that is larger than memory asks of the store behind it.

use std::fmt;

use crate::Value;
use crate::keys::TreeKey;

/// Why leaves that are not in memory cannot be told.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum StoredError {
    /// The store failed; it says why by itself.
    #[error("state leaves at {0:?}: the store cannot read them")]
    Unreadable(TreeKey),
    /// The leaves that begin with these bits do not hash to what the tree has for them.
    #[error(
        "state leaves below {0:?}: those in the store do not have the hash that they should, the database is damaged"
    )]
    Damaged(TreeKey),
}

/// The leaves of a tree, kept by somebody else.
///
/// For every subtree that a tree has left out this must hold just its leaves. It may lag behind in the others, and hold
/// there what it likes: changes are made in memory first, and subtrees are left out only once they are written
/// ([`Tree::leave_out`](crate::Tree::leave_out)).
pub trait LeafSource: Send + Sync {
    /// The value at `key`. It is believed: what goes into a root is read by [`LeafSource::leaves`], and checked.
    fn get(&self, key: &TreeKey) -> Result<Option<Value>, StoredError>;

    /// Those leaves whose keys have the first `bits` bits of `path`, in key order; of these the first `most`. What
    /// follows those bits in `path` is zero, so that no such key is less.
    fn leaves(&self, path: &TreeKey, bits: u16, most: usize) -> Result<Vec<(TreeKey, Value)>, StoredError>;

    /// The same leaves, whatever is written from now on: for a clone of the tree, which is not what is written.
    fn pin(&self) -> Box<dyn LeafSource>;
}

/// A store behind a tree, and how much of the tree should be in memory.
pub struct Backing {
    pub(super) source: Box<dyn LeafSource>,
    pub(super) memory: usize,
}

impl Backing {
    /// `memory` is what the subtrees that are in memory may take, in bytes; those that a block touches are there in any
    /// case, until they are written.
    pub const fn new(source: Box<dyn LeafSource>, memory: usize) -> Self {
        Self { source, memory }
    }
}

impl Clone for Backing {
    fn clone(&self) -> Self {
        Self { source: self.source.pin(), memory: self.memory }
    }
}

impl fmt::Debug for Backing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backing").field("memory", &self.memory).finish_non_exhaustive()
    }
}
