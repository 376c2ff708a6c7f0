//! Which updates, and which keys that are touched, go to which subtree.

use super::Tree;
use crate::arena::PrefixError;
use crate::partial::Touched;
use crate::updates::Update;

/// What there is to do in one subtree.
pub(super) struct Parcel<'a> {
    /// Its number; `None` if there is none yet.
    pub(super) to: Option<usize>,
    /// In key order.
    pub(super) updates: &'a [Update],
    /// Keys whose ways are to be told, in key order; updates, or these, are not none.
    pub(super) touched: &'a [Touched<'a>],
}

impl Tree {
    /// Splits updates and touched keys by the subtrees that they belong to, in key order.
    ///
    /// A key of an update that leaves the way before any subtree begins, and those that leave it
    /// with it, get a new one. Refuses new keys with which the known ones begin.
    pub(super) fn route<'a>(
        &self,
        updates: &'a [Update],
        touched: &'a [Touched<'a>],
    ) -> Result<Vec<Parcel<'a>>, PrefixError> {
        Ok(join(self.route_updates(updates)?, self.route_touched(touched)))
    }

    fn route_updates<'a>(&self, updates: &'a [Update]) -> Result<Vec<Parcel<'a>>, PrefixError> {
        let mut parcels = Vec::new();
        let mut rest = updates;
        while let Some((key, new)) = rest.first() {
            let Some(at) = self.top.find(key) else {
                carve(rest, self.max_leaves(), &mut parcels);
                break;
            };
            let (path, bits) = self.top.path(at);
            let shared = key.common_bits(path);
            if shared < bits && shared == key.bits() {
                // It ends before the way to the subtree does.
                if new.is_some() {
                    return Err(PrefixError(Box::new([*key, self.subtrees[at].sample()])));
                }
                rest = &rest[1..];
                continue;
            }
            let together = |(key, _): &Update| key.common_bits(path).min(bits) == shared.min(bits);
            let (parcel, after) = rest.split_at(rest.partition_point(together));
            rest = after;
            if shared >= bits {
                parcels.push(Parcel { to: Some(at), updates: parcel, touched: &[] });
            } else {
                carve(parcel, self.max_leaves(), &mut parcels);
            }
        }
        Ok(parcels)
    }

    /// The touched keys that lead to a subtree; those that leave the way before tell of the top alone.
    pub(super) fn route_touched<'a>(&self, touched: &'a [Touched<'a>]) -> Vec<Parcel<'a>> {
        let mut parcels = Vec::new();
        let mut rest = touched;
        while let Some((key, _)) = rest.first()
            && let Some(at) = self.top.find(key)
        {
            let (path, bits) = self.top.path(at);
            let leads = |(key, _): &Touched<'_>| key.common_bits(path) >= bits;
            let count = if leads(&rest[0]) { rest.partition_point(leads) } else { 0 };
            if count > 0 {
                parcels.push(Parcel { to: Some(at), updates: &[], touched: &rest[..count] });
            }
            rest = &rest[count.max(1)..];
        }
        parcels
    }
}

/// Puts the touched keys to the updates of the same subtrees.
fn join<'a>(updates: Vec<Parcel<'a>>, touched: Vec<Parcel<'a>>) -> Vec<Parcel<'a>> {
    if touched.is_empty() {
        return updates;
    }
    let mut joined = Vec::with_capacity(updates.len() + touched.len());
    let mut touched = touched.into_iter().peekable();
    for mut parcel in updates {
        if let Some(to) = parcel.to {
            while let Some(other) = touched.next_if(|other| other.to < Some(to)) {
                joined.push(other);
            }
            parcel.touched = touched.next_if(|other| other.to == Some(to)).map_or(&[], |other| other.touched);
        }
        joined.push(parcel);
    }
    joined.extend(touched);
    joined
}

/// Updates for new subtrees, no more than `most` for each; those that only delete find nothing to delete.
fn carve<'a>(updates: &'a [Update], most: usize, parcels: &mut Vec<Parcel<'a>>) {
    if let [(first, _), .., (last, _)] = updates
        && updates.len() > most
    {
        let bit = first.common_bits(last);
        // If one is a prefix of the other they must meet, to be refused.
        if bit < first.bits() {
            let (left, right) = updates.split_at(updates.partition_point(|(key, _)| !key.bit(bit)));
            carve(left, most, parcels);
            carve(right, most, parcels);
            return;
        }
    }
    if updates.iter().any(|(_, value)| value.is_some()) {
        parcels.push(Parcel { to: None, updates, touched: &[] });
    }
}
