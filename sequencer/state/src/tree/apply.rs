//! Applying a batch: subtree by subtree, on all threads.
//!
//! A thread takes some neighbouring subtrees and does all there is to do on them:
//! finds the old values, changes the shape, and hashes, while all of it is in its
//! cache; where a witness is wanted, also writes its share of that. The top
//! follows when all are done.

use std::sync::Arc;

use rayon::prelude::*;

use super::residence::Residence;
use super::route::Parcel;
use super::subtree::Subtree;
use super::{Tree, TreeError};
use crate::arena::{Dirty, PrefixError, Schedule, rehash};
use crate::partial::{Fragment, Touched};
use crate::undo::Undo;
use crate::updates::{Update, UpdateBatch};

/// Updates below which a task is not worth a thread, and lanes would stay empty.
const TASK_UPDATES: usize = 128;

/// Keys that are as much work to tell of as one is to update.
const TOUCHED_PER_UPDATE: usize = 4;

/// A subtree and what is to be done to it.
struct Work<'a> {
    subtree: &'a mut Arc<Subtree>,
    updates: &'a [Update],
    /// What came of it.
    done: Result<Undo, PrefixError>,
    touched: &'a [Touched<'a>],
    /// What came of that, if anything is touched.
    fragment: Option<Fragment>,
}

impl<'a> Work<'a> {
    fn new(subtree: &'a mut Arc<Subtree>, updates: &'a [Update], touched: &'a [Touched<'a>]) -> Self {
        Self { subtree, updates, done: Ok(Undo::default()), touched, fragment: None }
    }
}

/// What came of a batch.
pub(super) struct Updated {
    pub(super) undo: Undo,
    /// For each touched subtree, with its number.
    pub(super) fragments: Vec<(usize, Fragment)>,
    /// Whether subtrees have been cut or put together: they are not those of the fragments any more.
    pub(super) reshaped: bool,
}

impl Tree {
    /// Applies updates and rehashes; returns what [`Tree::revert`] takes them back with.
    ///
    /// A new key is compared with the keys before the batch: it may not be a
    /// prefix even of one that the batch deletes. On an error the tree is as before.
    pub fn apply(&mut self, updates: &UpdateBatch, schedule: Schedule) -> Result<Undo, TreeError> {
        self.update(updates, &[], schedule).map(|updated| updated.undo)
    }

    /// [`Tree::apply`], and the fragments of what is touched in the tree that results.
    pub(super) fn update(
        &mut self,
        updates: &UpdateBatch,
        touched: &[Touched<'_>],
        schedule: Schedule,
    ) -> Result<Updated, TreeError> {
        let parcels = self.route(updates.entries(), touched)?;
        self.fetch(parcels.iter().filter_map(|parcel| parcel.to))?;
        Ok(self.update_parcels(&parcels, schedule)?)
    }

    /// All subtrees in which there is something to do are in memory.
    pub(super) fn update_parcels(
        &mut self,
        parcels: &[Parcel<'_>],
        schedule: Schedule,
    ) -> Result<Updated, PrefixError> {
        let mut new = vec![Arc::default(); parcels.iter().filter(|parcel| parcel.to.is_none()).count()];
        let changed = parcels.iter().filter(|parcel| !parcel.updates.is_empty());
        let changed: Vec<usize> = changed.filter_map(|parcel| parcel.to).collect();
        let (leaves, bytes) = self.sums(&changed);
        let (undo, fragments) = apply(&mut self.subtrees, &mut new, parcels, schedule)?;
        self.changes += 1;
        if self.backing.is_some() {
            let subtrees = &mut self.subtrees;
            changed.iter().for_each(|at| Arc::make_mut(&mut subtrees[*at]).change(self.changes));
            new.iter_mut().for_each(|subtree| Arc::make_mut(subtree).change(self.changes));
        }
        let (leaves_now, bytes_now) = self.sums(&changed);
        self.len = self.len + leaves_now - leaves + new.iter().map(|subtree| subtree.len()).sum::<usize>();
        let fits = |at: &usize| (1..=self.max_leaves()).contains(&self.subtrees[*at].len());
        let reshaped = !new.is_empty() || !changed.iter().all(fits);
        if reshaped {
            self.reshape(new);
        } else {
            self.top.refresh(&self.subtrees, &changed);
            self.residence = Residence { bytes: self.residence.bytes + bytes_now - bytes, ..self.residence };
        }
        Ok(Updated { undo, fragments, reshaped })
    }

    /// Leaves in these subtrees, and what they take in memory.
    fn sums(&self, numbers: &[usize]) -> (usize, usize) {
        let subtrees = numbers.iter().map(|at| &self.subtrees[*at]);
        subtrees.fold((0, 0), |(leaves, bytes), subtree| (leaves + subtree.len(), bytes + subtree.bytes()))
    }
}

/// Does what there is to do in each subtree, old or new. On an error all are as before.
fn apply(
    old: &mut [Arc<Subtree>],
    new: &mut [Arc<Subtree>],
    parcels: &[Parcel<'_>],
    schedule: Schedule,
) -> Result<(Undo, Vec<(usize, Fragment)>), PrefixError> {
    let (mut old, mut new) = (old.iter_mut().enumerate(), new.iter_mut());
    let mut works = Vec::with_capacity(parcels.len());
    for parcel in parcels {
        let subtree = match parcel.to {
            Some(to) => old.find(|(at, _)| *at == to).map(|(_, subtree)| subtree),
            None => new.next(),
        };
        works.extend(subtree.map(|subtree| Work::new(subtree, parcel.updates, parcel.touched)));
    }
    run(&mut works, schedule);
    let entries = works.iter().map(|work| work.done.as_ref().map_or(0, |undo| undo.entries.len())).sum();
    let mut all = Undo { entries: Vec::with_capacity(entries) };
    for at in 0..works.len() {
        match &works[at].done {
            Ok(undo) => all.entries.extend_from_slice(&undo.entries),
            Err(error) => {
                let error = error.clone();
                take_back(works, schedule);
                return Err(error);
            }
        }
    }
    let fragments = works.into_iter().zip(parcels);
    Ok((all, fragments.filter_map(|(work, parcel)| Some((parcel.to?, work.fragment?))).collect()))
}

/// Takes back what was done.
fn take_back(works: Vec<Work<'_>>, schedule: Schedule) {
    let (subtrees, undos): (Vec<_>, Vec<_>) =
        works.into_iter().filter_map(|work| Some((work.subtree, work.done.ok()?.entries))).unzip();
    let back = subtrees.into_iter().zip(&undos);
    // Fits: these keys stood beside those that stay.
    let mut works: Vec<_> = back.map(|(subtree, updates)| Work::new(subtree, updates, &[])).collect();
    run(&mut works, schedule);
}

fn run(works: &mut [Work<'_>], schedule: Schedule) {
    let mut tasks = Vec::new();
    let mut rest = works;
    while !rest.is_empty() {
        let mut updates = 0;
        let enough = rest.iter().position(|work| {
            updates += work.updates.len().max(work.touched.len() / TOUCHED_PER_UPDATE);
            updates >= TASK_UPDATES
        });
        let (task, after) = rest.split_at_mut(enough.map_or(rest.len(), |at| at + 1));
        tasks.push(task);
        rest = after;
    }
    match &mut tasks[..] {
        // Hashing is all that can be shared.
        [task] => run_task(task, schedule),
        tasks if schedule == Schedule::Parallel => {
            tasks.par_iter_mut().for_each(|task| run_task(task, Schedule::Sequential));
        }
        tasks => tasks.iter_mut().for_each(|task| run_task(task, Schedule::Sequential)),
    }
}

fn run_task(works: &mut [Work<'_>], schedule: Schedule) {
    let mut dirty = Dirty::default();
    let mut arenas = Vec::with_capacity(works.len());
    // What is only read stays shared with clones.
    for Work { subtree, updates, done, .. } in works.iter_mut().filter(|work| !work.updates.is_empty()) {
        let subtree = Arc::make_mut(subtree);
        *done = subtree.edit(updates, arenas.len() as u32, &mut dirty);
        arenas.push(subtree.arena_mut());
    }
    rehash(&mut arenas, &dirty, schedule);
    for work in works.iter_mut().filter(|work| !work.touched.is_empty()) {
        work.fragment = Some(Fragment::new(work.subtree.arena(), work.touched));
    }
}
