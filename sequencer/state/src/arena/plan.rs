//! What a batch will change, found out before anything does.
//!
//! A planned batch holds no update without effect, only deletions of leaves
//! that are there, and no key that is a prefix of another: editing cannot fail
//! half-way for these reasons. Finding the old values also brings the ways that
//! the edit will walk into the cache.

use std::borrow::Cow;

use rayon::prelude::*;

use super::{Arena, Found, Place, Schedule};
use crate::keys::TreeKey;
use crate::undo::Undo;
use crate::updates::Update;

/// Updates that one thread looks up at a time.
const LOOKUP_CHUNK: usize = 512;

/// A key that is a prefix of another cannot be in the same tree.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
#[error("key {:?} is a prefix of, or begins with, the key {:?} in the tree", .0[0], .0[1])]
pub struct PrefixError(pub Box<[TreeKey; 2]>);

/// The updates that have an effect, in key order, and what takes them back.
pub(crate) struct Plan<'a> {
    pub(crate) updates: Cow<'a, [Update]>,
    pub(crate) undo: Undo,
    /// The first key whose old value is hidden: the plan is of no use then.
    pub(crate) unknown: Option<TreeKey>,
}

impl Arena {
    pub(crate) fn plan<'a>(&self, entries: &'a [Update], schedule: Schedule) -> Result<Plan<'a>, PrefixError> {
        let old = self.look_up(entries, schedule)?;
        let unknown = old.iter().position(|old| *old == Found::Unknown).map(|at| entries[at].0);
        let effective = |(update, old): &(&Update, &Found)| update.1 != old.value();
        let count = entries.iter().zip(&old).filter(effective).count();
        let mut undo = Undo { entries: Vec::with_capacity(count) };
        undo.entries.extend(entries.iter().zip(&old).filter(effective).map(|(update, old)| (update.0, old.value())));
        let updates = if count == entries.len() {
            Cow::Borrowed(entries)
        } else {
            Cow::Owned(entries.iter().zip(&old).filter(effective).map(|(update, _)| *update).collect())
        };
        new_keys_fit(&updates)?;
        Ok(Plan { updates, undo, unknown })
    }

    /// What is known of each update's key. Refuses new keys that do not fit.
    fn look_up(&self, updates: &[Update], schedule: Schedule) -> Result<Vec<Found>, PrefixError> {
        let mut old = vec![Found::Absent; updates.len()];
        if schedule == Schedule::Parallel && updates.len() >= 2 * LOOKUP_CHUNK {
            let chunks = old.par_chunks_mut(LOOKUP_CHUNK).zip(updates.par_chunks(LOOKUP_CHUNK));
            chunks.try_for_each(|(old, updates)| self.look_up_chunk(updates, old))?;
        } else {
            self.look_up_chunk(updates, &mut old)?;
        }
        Ok(old)
    }

    fn look_up_chunk(&self, updates: &[Update], old: &mut [Found]) -> Result<(), PrefixError> {
        let mut old = updates.iter().zip(old);
        self.ends(updates, |end| {
            let Some(((key, new), old)) = old.next() else { return Ok(()) };
            *old = self.found(end, key);
            if *old == Found::Absent && new.is_some() { self.fits(end, key) } else { Ok(()) }
        })
    }

    /// Refuses a key, not in the tree, that is a prefix of one in the tree or begins with one.
    fn fits(&self, end: Place, key: &TreeKey) -> Result<(), PrefixError> {
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

/// Refuses new keys of which one is a prefix of the next: in key order, whatever begins with a key follows it at once.
///
/// A deleted key between the two begins with the first as well, and was in the
/// tree, so the first has been refused for that.
fn new_keys_fit(updates: &[Update]) -> Result<(), PrefixError> {
    for pair in updates.array_windows::<2>() {
        let [(one, first), (two, second)] = pair;
        // A prefix is shorter.
        if one.bits() < two.bits() && first.is_some() && second.is_some() && one.common_bits(two) == one.bits() {
            return Err(PrefixError(Box::new([*two, *one])));
        }
    }
    Ok(())
}
