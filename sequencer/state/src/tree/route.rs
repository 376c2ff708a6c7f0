//! Which updates go to which subtree.

use super::Tree;
use super::subtree::MAX_LEAVES;
use crate::arena::PrefixError;
use crate::updates::Update;

/// Updates for one subtree.
pub(super) struct Parcel<'a> {
    /// Its number; `None` if there is none yet.
    pub(super) to: Option<usize>,
    /// In key order, at least one.
    pub(super) updates: &'a [Update],
}

impl Tree {
    /// Splits updates by the subtrees that they belong to, in key order.
    ///
    /// A key that leaves the way before any subtree begins, and those that leave it
    /// with it, get a new one. Refuses new keys with which the known ones begin.
    pub(super) fn route<'a>(&self, updates: &'a [Update]) -> Result<Vec<Parcel<'a>>, PrefixError> {
        let mut parcels = Vec::new();
        let mut rest = updates;
        while let Some((key, new)) = rest.first() {
            let Some(at) = self.top.find(key) else {
                carve(rest, &mut parcels);
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
                parcels.push(Parcel { to: Some(at), updates: parcel });
            } else {
                carve(parcel, &mut parcels);
            }
        }
        Ok(parcels)
    }
}

/// Updates for new subtrees, no more for each than it holds; those that only delete find nothing to delete.
fn carve<'a>(updates: &'a [Update], parcels: &mut Vec<Parcel<'a>>) {
    if let [(first, _), .., (last, _)] = updates
        && updates.len() > MAX_LEAVES
    {
        let bit = first.common_bits(last);
        // If one is a prefix of the other they must meet, to be refused.
        if bit < first.bits() {
            let (left, right) = updates.split_at(updates.partition_point(|(key, _)| !key.bit(bit)));
            carve(left, parcels);
            carve(right, parcels);
            return;
        }
    }
    if updates.iter().any(|(_, value)| value.is_some()) {
        parcels.push(Parcel { to: None, updates });
    }
}
