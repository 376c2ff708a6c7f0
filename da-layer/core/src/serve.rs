//! Serving rows of a stored block without encoding it again.

use alloy_primitives::B256;

use crate::header::Header;
use crate::row::RowProof;
use crate::schedule::Schedule;
use crate::shape::Shape;
use crate::tree::{Domain, Tree};

/// Serves rows of a stored block from its original rows and the hashes of all
/// `4k` rows, without encoding as long as only original rows are asked for.
#[derive(Clone, Debug)]
pub struct RowServer<'a> {
    shape: Shape,
    originals: &'a [u8],
    tree: Tree,
}

impl<'a> RowServer<'a> {
    /// From what a store keeps; `None` if the parts do not belong to `header`.
    pub fn new(header: &Header, originals: &'a [u8], row_hashes: &[B256]) -> Option<Self> {
        let shape = header.shape;
        if originals.len() != shape.originals_len() || row_hashes.len() != shape.rows() {
            return None;
        }
        let tree = Tree::from_leaves(Domain::Rows, row_hashes, Schedule::Sequential);
        (tree.root() == header.row_root).then_some(Self { shape, originals, tree })
    }

    /// An original row with its path; `None` for parity rows and beyond.
    pub fn original(&self, index: u32) -> Option<RowProof> {
        let row = self.originals.chunks_exact(self.shape.row_len()).nth(index as usize)?.to_vec();
        Some(RowProof { index, row, path: self.tree.path(index as usize)? })
    }
}
