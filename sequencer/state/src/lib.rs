//! The authenticated state: accounts and storage in an EIP-8297 partitioned binary tree with BLAKE3.
//!
//! The tree maps prefix-free keys to 32-byte values ([`tree`]); [`keys`] and
//! [`account`] say how accounts and storage become leaves; [`changes`] turns
//! what execution did into leaf updates; [`proof`] shows a value, or its
//! absence, to someone who knows only the root; [`partial`] is the part of a
//! tree that re-executing blocks needs, with its bytes: a witness. Zero is
//! absent: the root is a function of the state alone, not of its history.
//!
//! Persistence is the caller's: [`tree::Tree::apply`] returns an [`Undo`] record, and
//! a tree is rebuilt from its leaves. It lives in memory, all of it or, with a
//! store behind it ([`tree::LeafSource`]), as much of it as there is room for.
//!
//! Deliberately absent: the code zone (code is committed by its keccak hash in
//! the account; see the crate's callers for the bytes), clocks, storage,
//! logging.

pub mod account;
mod arena;
pub mod changes;
mod hash;
pub mod keys;
pub mod partial;
pub mod proof;
pub mod read;
pub mod tree;
pub mod undo;
pub mod updates;

#[cfg(test)]
mod model;

pub use account::Account;
pub use arena::{PrefixError, Schedule};
pub use changes::AccountChange;
pub use keys::TreeKey;
pub use partial::{Access, PartialTree, WitnessBytes};
pub use proof::Proof;
pub use read::StoredAccount;
pub use tree::{Backing, LeafSource, StoredError, Tree, TreeError};
pub use undo::Undo;
pub use updates::UpdateBatch;

/// A leaf's 32 bytes. All zero means absent.
pub type Value = [u8; 32];
