//! What a batch will change, found out before anything does.
//!
//! A planned batch holds no update without effect, only deletions of leaves
//! that are there, and no key that is a prefix of another: editing cannot fail
//! half-way for these reasons.

use std::borrow::Cow;

use super::{Arena, Place};
use crate::Value;
use crate::keys::TreeKey;
use crate::undo::Undo;
use crate::updates::{Update, UpdateBatch};

/// A key that is a prefix of another cannot be in the same tree.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
#[error("key {:?} is a prefix of, or begins with, the key {:?} in the tree", .0[0], .0[1])]
pub struct PrefixError(pub Box<[TreeKey; 2]>);

/// The updates that have an effect, and what takes them back.
pub(crate) struct Plan<'a> {
    pub(crate) updates: Cow<'a, [Update]>,
    pub(crate) undo: Undo,
}

/// `old` holds the present value of each of the batch's keys.
pub(crate) fn plan<'a>(batch: &'a UpdateBatch, old: Vec<Option<Value>>) -> Result<Plan<'a>, PrefixError> {
    let entries = batch.entries();
    let effective = |(update, old): &(&Update, &Option<Value>)| update.1 != **old;
    let count = entries.iter().zip(&old).filter(effective).count();
    let mut undo = Undo { entries: Vec::with_capacity(count) };
    undo.entries.extend(entries.iter().zip(&old).filter(effective).map(|(update, old)| (update.0, *old)));
    let updates = if count == entries.len() {
        Cow::Borrowed(entries)
    } else {
        Cow::Owned(entries.iter().zip(&old).filter(effective).map(|(update, _)| *update).collect())
    };
    // In key order whatever begins with a key follows it at once. A new key is
    // compared with the tree by `prefix_conflict`, with other new keys here.
    for pair in updates.windows(2) {
        let [(one, first), (two, second)] = pair else { continue };
        if first.is_some() && second.is_some() && one.common_bits(two) == one.bits() {
            return Err(PrefixError(Box::new([*two, *one])));
        }
    }
    Ok(Plan { updates, undo })
}

impl Arena {
    /// Refuses a key, not in the tree, that is a prefix of one in the tree or begins with one.
    pub(crate) fn prefix_conflict(&self, key: &TreeKey) -> Result<(), PrefixError> {
        let Some(end) = self.descend(key) else { return Ok(()) };
        let (other, whole) = match end {
            Place::Leaf(at) => (&self.leaves[at].key, true),
            Place::Hidden(at) => (&self.hidden[at].path, false),
            Place::Branch(_) => return Ok(()),
        };
        let common = key.common_bits(other);
        if common == key.bits() || (whole && common == other.bits()) {
            return Err(PrefixError(Box::new([*key, *other])));
        }
        Ok(())
    }
}
