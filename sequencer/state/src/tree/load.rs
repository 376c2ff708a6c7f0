//! A tree from its leaves in key order, subtree by subtree: nothing else has to be in memory meanwhile.

use std::sync::Arc;

use rayon::prelude::*;

use super::stored::Backing;
use super::subtree::Subtree;
use super::top::Top;
use super::{PrefixError, Tree};
use crate::Value;
use crate::keys::TreeKey;

/// Leaves that are read before their subtrees are made, on all threads. They take 100 bytes each.
const ROUND_LEAVES: usize = if cfg!(test) { 64 } else { 1 << 18 };

/// Why leaves do not become a tree.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum LoadError<E> {
    /// They cannot be read.
    #[error(transparent)]
    Source(E),
    /// A key does not fit beside another.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// A key comes after a greater one, or once more.
    #[error("state leaf {0:?} is out of order")]
    Order(TreeKey),
}

type Leaf = (TreeKey, Value);

impl Tree {
    /// A tree of leaves in key order, none of them zero. With `backing`, which has them all, only so much of it stays in
    /// memory as may.
    pub fn load<E>(
        leaves: impl IntoIterator<Item = Result<Leaf, E>>,
        backing: Option<Backing>,
    ) -> Result<Self, LoadError<E>> {
        let mut tree = Self { backing, ..Self::default() };
        let (mut waiting, mut before): (Vec<Leaf>, Option<TreeKey>) = (Vec::new(), None);
        for leaf in leaves {
            let (key, value) = leaf.map_err(LoadError::Source)?;
            if let Some((last, _)) = waiting.last() {
                if *last >= key {
                    return Err(LoadError::Order(key));
                }
                // Whatever begins with a key follows it at once.
                if last.common_bits(&key) == last.bits() {
                    return Err(PrefixError(Box::new([key, *last])).into());
                }
            }
            waiting.push((key, value));
            if waiting.len() >= ROUND_LEAVES {
                let done = tree.add(&waiting, before, false)?;
                before = Some(waiting[done - 1].0);
                waiting.drain(..done);
            }
        }
        tree.add(&waiting, before, true)?;
        tree.top = Top::new(&mut tree.subtrees);
        Ok(tree)
    }

    /// Adds subtrees of these leaves, which follow the one at `before`: of all if there are no more, else of as many as
    /// are sure to end where nothing that comes belongs to them. How many that are; not none.
    fn add(&mut self, leaves: &[Leaf], before: Option<TreeKey>, all: bool) -> Result<usize, PrefixError> {
        let most = self.max_leaves();
        let (mut parts, mut done, mut before) = (Vec::new(), 0, before);
        while done < leaves.len() && (all || leaves.len() - done > most) {
            let len = first_part(&leaves[done..], before, most);
            let part = &leaves[done..done + len];
            before = part.last().map(|(key, _)| *key);
            parts.push(part);
            done += len;
        }
        // The top tells them where they begin.
        let made: Vec<Subtree> =
            parts.into_par_iter().map(|part| Subtree::of_leaves(part, 0)).collect::<Result<_, _>>()?;
        self.len += done;
        for subtree in made {
            let stays =
                self.backing.as_ref().is_none_or(|backing| self.residence.bytes + subtree.bytes() <= backing.memory);
            let stub = if stays { None } else { subtree.stub() };
            let subtree = stub.unwrap_or(subtree);
            if subtree.is_here() {
                self.residence = self.residence.with(&subtree);
            }
            self.subtrees.push(Arc::new(subtree));
        }
        Ok(done)
    }
}

/// The most leaves, at most so many, that begin with the first one and are all that lie below one branch; `before` is
/// the key before them. There are more than that, or nothing follows.
fn first_part(leaves: &[Leaf], before: Option<TreeKey>, most: usize) -> usize {
    // They share more bits with each other than with what is on either side of them.
    let outside = before.map(|before| before.common_bits(&leaves[0].0));
    let (mut inside, mut len) = (u16::MAX, 1);
    for at in 0..most.min(leaves.len()) {
        let next = leaves.get(at + 1).map(|(key, _)| leaves[at].0.common_bits(key));
        if next.is_none_or(|next| next < inside) {
            len = at + 1;
        }
        inside = next.map_or(inside, |next| next.min(inside));
        if outside.is_some_and(|outside| inside <= outside) {
            break;
        }
    }
    len
}
