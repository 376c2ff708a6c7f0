//! Witnesses, written while the tree is taken back, or of the tree as it is.
//!
//! Taking blocks back brings into the cache what the witness of the state before
//! them is made of: each thread writes a subtree's [`Fragment`] as soon as it has
//! hashed it. The top's walk gives each its place when all are done.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::route::Parcel;
use super::{Schedule, StoredError, Tree, TreeError};
use crate::keys::TreeKey;
use crate::partial::{Access, Below, Fragment, Touched, WitnessBytes, assemble};
use crate::undo::Undo;

impl Tree {
    /// The witness of what `access` touches: the bytes of [`Tree::partial`].
    pub fn witness(&self, access: &Access, schedule: Schedule) -> Result<WitnessBytes, StoredError> {
        let keys = access.keys_before(self, &Undo::default())?;
        self.witness_of(&listed(&keys), schedule)
    }

    /// [`Tree::revert`], and [`Tree::witness`] of the tree that results: what `access` touches of the state before.
    ///
    /// Whoever executes blocks to learn what they touch, and takes them back, gets the witness for little more than
    /// the roots that taking back needs.
    pub fn revert_with_witness(
        &mut self,
        undo: &Undo,
        access: &Access,
        schedule: Schedule,
    ) -> Result<WitnessBytes, StoredError> {
        let keys = access.keys_before(self, undo)?;
        let touched = listed(&keys);
        // As for reverting: a record that does not fit changes nothing.
        match self.update(&undo.inverse(), &touched, schedule) {
            Ok(updated) if !updated.reshaped => Ok(self.assembled(updated.fragments, &touched)),
            Err(TreeError::Stored(error)) => Err(error),
            _ => self.witness_of(&touched, schedule),
        }
    }

    fn witness_of(&self, touched: &[Touched<'_>], schedule: Schedule) -> Result<WitnessBytes, StoredError> {
        let opened = self.open(touched.iter().map(|(key, _)| *key))?;
        let parcels = self.route_touched(touched);
        let fragment = |parcel: &Parcel<'_>| {
            let at = parcel.to?;
            Some((at, Fragment::new(opened.subtree(at), parcel.touched)))
        };
        let fragments = match schedule {
            Schedule::Sequential => parcels.iter().filter_map(fragment).collect(),
            Schedule::Parallel => parcels.par_iter().filter_map(fragment).collect(),
        };
        Ok(self.assembled(fragments, touched))
    }

    /// From the fragments of all subtrees that are touched, each with its number.
    fn assembled(&self, fragments: Vec<(usize, Fragment)>, touched: &[Touched<'_>]) -> WitnessBytes {
        let below = self.subtrees.iter().map(|subtree| Below { arena: subtree.arena(), fragment: None });
        let mut below: Vec<Below<'_>> = below.collect();
        for (at, fragment) in fragments {
            below[at].fragment = Some(fragment);
        }
        assemble(self.top.arena(), below, touched)
    }
}

fn listed(keys: &BTreeMap<TreeKey, bool>) -> Vec<Touched<'_>> {
    keys.iter().map(|(key, deleted)| (key, *deleted)).collect()
}
