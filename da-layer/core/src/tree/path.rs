//! Checking one leaf against a root.

use alloy_primitives::B256;

use super::Domain;

/// The root that follows from a leaf hash at `index` and its siblings, lowest first.
///
/// The caller has checked that `path` has the depth of the tree and that
/// `index` is below its width: both are fixed by the header, never by the proof.
pub(crate) fn root_of_path(domain: Domain, index: usize, leaf: B256, path: &[B256]) -> B256 {
    path.iter().enumerate().fold(leaf, |hash, (height, sibling)| {
        if index >> height & 1 == 0 { domain.node(&hash, sibling) } else { domain.node(sibling, &hash) }
    })
}
