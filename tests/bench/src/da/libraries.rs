//! The same commitments by libraries alone: what one would write first.

use alloy_primitives::B256;
use rayon::prelude::*;
use weft_da::codec::Geometry;
use weft_da::digest::{Coefficients, Digest, RowDigester};
use weft_da::row::RowProof;
use weft_da::tree::Domain;
use weft_da::{Header, Kernel, Schedule, Shape};

/// Both roots of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Roots {
    pub(super) rows: B256,
    pub(super) digests: B256,
}

/// Commits to a payload, in memory for all rows, on all threads of the pool around.
pub(super) fn publish(shape: &Shape, payload: &[u8], matrix: &mut [u8]) -> Roots {
    let geometry = Geometry { k: shape.k(), row_len: shape.row_len() };
    let (originals, parity) = matrix.split_at_mut(shape.originals_len());
    let (data, padding) = originals.split_at_mut(payload.len());
    data.copy_from_slice(payload);
    padding.fill(0);
    // The library itself: `Portable` is a call of it for each stripe of columns.
    let code = shape.codec().codec_on(Kernel::Portable);
    code.extend(geometry, originals, parity, Schedule::Parallel).expect("a valid shape");

    let leaves = matrix.par_chunks_exact(shape.row_len()).with_min_len(16).map(|row| Domain::Rows.leaf(row));
    let rows = root(Domain::Rows, leaves.collect());
    let digester = RowDigester::new(&Coefficients::derive(shape, rows), Kernel::Portable);
    let digests = digester.digest_rows(&matrix[..shape.originals_len()], Schedule::Parallel);
    let digests = root(Domain::Digests, digests.par_iter().map(|digest| Domain::Digests.leaf(digest)).collect());
    Roots { rows, digests }
}

/// Of a tree with a power of two of leaves.
fn root(domain: Domain, mut level: Vec<B256>) -> B256 {
    while level.len() > 1 {
        let pairs = level.par_chunks_exact(2).with_min_len(64);
        level = pairs.map(|pair| domain.node(&pair[0], &pair[1])).collect();
    }
    level[0]
}

/// Checks rows with their paths.
pub(super) struct Verifier<'a> {
    row_root: B256,
    digests: &'a [Digest],
    digester: RowDigester,
}

impl<'a> Verifier<'a> {
    /// For one block, with the digests of all its rows.
    pub(super) fn new(header: &Header, digests: &'a [Digest]) -> Self {
        let coefficients = Coefficients::derive(&header.shape, header.row_root);
        Self { row_root: header.row_root, digests, digester: RowDigester::new(&coefficients, Kernel::Portable) }
    }

    /// Whether it is the row that the block commits to, and of the code.
    pub(super) fn verify(&self, proof: &RowProof) -> bool {
        let RowProof { index, row, path } = proof;
        let root = path.iter().enumerate().fold(Domain::Rows.leaf(row), |hash, (height, sibling)| {
            if index >> height & 1 == 0 { Domain::Rows.node(&hash, sibling) } else { Domain::Rows.node(sibling, &hash) }
        });
        root == self.row_root && self.digests.get(*index as usize) == Some(&self.digester.digest(row))
    }
}
