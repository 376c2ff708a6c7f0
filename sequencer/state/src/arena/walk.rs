//! Reading: one key, all leaves in order, the leaves with a prefix.

use super::{Arena, Branch, NodeId, Place};
use crate::Value;
use crate::keys::TreeKey;
use crate::updates::Update;

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Value(Value),
    Absent,
    /// Its way ends at a node that is hidden.
    Unknown,
}

impl Found {
    pub(crate) const fn value(&self) -> Option<Value> {
        match self {
            Self::Value(value) => Some(*value),
            Self::Absent | Self::Unknown => None,
        }
    }
}

/// Walks that go on side by side: enough that the memory works on several at any time.
const SIDE_BY_SIDE: usize = 24;

impl Arena {
    /// Where the walk along the key's bits ends: a leaf or a hidden node.
    ///
    /// It looks at branching bits alone. The key may have left the way before;
    /// comparing it with the end's bits shows that.
    pub(crate) fn descend(&self, key: &TreeKey) -> Option<Place> {
        let mut at = self.root?;
        loop {
            match at.place() {
                Place::Branch(branch) => {
                    let branch = &self.branches[branch];
                    at = branch.children[usize::from(key.bit(branch.bit))];
                }
                end => return Some(end),
            }
        }
    }

    /// How many bits a key, which agrees with the way to the branch at `at` before bit `from`,
    /// shares with all keys below it. A key that is shorter may seem to share zeros beyond its end.
    #[inline]
    pub(crate) fn shared_bits(&self, at: NodeId, from: u16, key: &TreeKey) -> u16 {
        let Place::Branch(branch) = at.place() else { return from };
        let Branch { bit, window, .. } = self.branches[branch];
        let len = bit - from;
        if len > 64 {
            return self.sample(at).common_bits(key).min(bit);
        }
        let mask = u64::MAX.checked_shr(64 - u32::from(len)).unwrap_or(0);
        match (key.window(bit) ^ window) & mask {
            0 => bit,
            difference => bit + difference.leading_zeros() as u16 - 64,
        }
    }

    /// The ends of the walks along all keys, in order; none in the empty tree.
    ///
    /// One walk waits for memory at every step; walking many at once overlaps the waits.
    pub(crate) fn ends<E>(&self, updates: &[Update], mut each: impl FnMut(Place) -> Result<(), E>) -> Result<(), E> {
        let Some(root) = self.root else { return Ok(()) };
        for updates in updates.chunks(SIDE_BY_SIDE) {
            let mut at = [root; SIDE_BY_SIDE];
            let mut walking = true;
            while walking {
                walking = false;
                for (at, (key, _)) in at.iter_mut().zip(updates) {
                    if let Place::Branch(branch) = at.place() {
                        let branch = &self.branches[branch];
                        *at = branch.children[usize::from(key.bit(branch.bit))];
                        walking = true;
                    }
                }
            }
            at[..updates.len()].iter().try_for_each(|at| each(at.place()))?;
        }
        Ok(())
    }

    /// What is known of a key.
    pub(crate) fn find(&self, key: &TreeKey) -> Found {
        self.descend(key).map_or(Found::Absent, |end| self.found(end, key))
    }

    /// What is known of a key whose walk ends at `end`.
    pub(super) fn found(&self, end: Place, key: &TreeKey) -> Found {
        match end {
            Place::Leaf(at) if self.leaves[at].key == *key => Found::Value(self.leaves[at].value),
            // The key agrees with every bit that leads to the hidden node, so it may lie there.
            Place::Hidden(at) if self.hidden[at].path.common_bits(key) >= self.hidden[at].bits => Found::Unknown,
            _ => Found::Absent,
        }
    }

    /// All leaves in key order; hidden nodes are stepped over.
    pub(crate) fn leaves(&self) -> Leaves<'_> {
        Leaves { arena: self, stack: self.root.into_iter().collect() }
    }

    /// The leaves whose keys begin with `prefix`; hidden nodes are stepped over.
    pub(crate) fn leaves_with_prefix(&self, prefix: &TreeKey) -> Leaves<'_> {
        let top = self.top_of(prefix).filter(|top| self.sample(*top).common_bits(prefix) == prefix.bits());
        Leaves { arena: self, stack: top.into_iter().collect() }
    }

    /// Whether no hidden node may hold keys that begin with `prefix`.
    pub(crate) fn knows_prefix(&self, prefix: &TreeKey) -> bool {
        let Some(top) = self.top_of(prefix) else { return true };
        if let Place::Hidden(at) = top.place() {
            let hidden = &self.hidden[at];
            return hidden.path.common_bits(prefix) < hidden.bits.min(prefix.bits());
        }
        let mut stack = vec![top];
        if self.sample(top).common_bits(prefix) < prefix.bits() {
            return true;
        }
        while let Some(at) = stack.pop() {
            match at.place() {
                Place::Branch(branch) => stack.extend(self.branches[branch].children),
                Place::Leaf(_) => {}
                Place::Hidden(_) => return false,
            }
        }
        true
    }

    /// The node below which all keys that begin with `prefix` lie, if there are any.
    fn top_of(&self, prefix: &TreeKey) -> Option<NodeId> {
        let mut at = self.root?;
        while let Place::Branch(branch) = at.place() {
            let branch = &self.branches[branch];
            if branch.bit >= prefix.bits() {
                break;
            }
            at = branch.children[usize::from(prefix.bit(branch.bit))];
        }
        Some(at)
    }
}

/// Leaves in key order.
#[derive(Debug)]
pub struct Leaves<'a> {
    arena: &'a Arena,
    stack: Vec<NodeId>,
}

impl Iterator for Leaves<'_> {
    type Item = (TreeKey, Value);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.stack.pop()?.place() {
                Place::Leaf(at) => {
                    let leaf = &self.arena.leaves[at];
                    return Some((leaf.key, leaf.value));
                }
                Place::Branch(at) => {
                    let [left, right] = self.arena.branches[at].children;
                    self.stack.extend([right, left]);
                }
                Place::Hidden(_) => {}
            }
        }
    }
}
