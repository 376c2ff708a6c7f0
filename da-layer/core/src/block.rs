//! A whole encoded block: what a producer publishes and a full node keeps.
//!
//! Order of making: extend the rows, hash them into the row tree, draw the
//! coefficients from its root, collapse the original rows to digests, hash
//! these into the digest tree. Everything follows from the original rows and
//! their shape ([`EncodedBlock::from_originals`]), so a store needs only
//! these; digests and row hashes are worth keeping to serve without encoding
//! again ([`crate::RowServer`]).

use alloy_primitives::B256;

use crate::blob::{BlobIndex, IndexFault};
use crate::codec::Geometry;
use crate::digest::{Digest, RowDigester};
use crate::hash::plain;
use crate::header::Header;
use crate::layout::Packed;
use crate::limits::DIGEST_BYTES;
use crate::matrix::Matrix;
use crate::row::RowProof;
use crate::schedule::Schedule;
use crate::shape::Shape;
use crate::tree::{Domain, Tree};

/// All rows with their tree, digests and roots: the code's part of a block, without the blob index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedRows {
    shape: Shape,
    matrix: Matrix,
    row_tree: Tree,
    digests: Vec<Digest>,
    digest_root: B256,
}

/// A block ready for publishing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedBlock {
    rows: EncodedRows,
    index: BlobIndex,
}

/// What a header takes from its place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainPosition {
    /// See [`Header::network_id`].
    pub network_id: u64,
    /// See [`Header::height`].
    pub height: u64,
    /// See [`Header::prev_hash`].
    pub prev_hash: B256,
    /// See [`Header::time_ms`].
    pub time_ms: u64,
}

/// Bytes that are not `k` rows of a shape's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} bytes of original rows, the shape has {expected}")]
pub struct OriginalsLengthError {
    /// Bytes given.
    pub found: usize,
    /// Bytes of `k` rows.
    pub expected: usize,
}

/// Why original rows do not make a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FromOriginalsError {
    /// Not `k` rows of the shape's length.
    #[error(transparent)]
    Length(#[from] OriginalsLengthError),
    /// They do not begin with a blob index for this payload.
    #[error(transparent)]
    Index(#[from] IndexFault),
}

/// What a block's rows are committed to by.
struct Commitment {
    row_tree: Tree,
    digests: Vec<Digest>,
    digest_root: B256,
}

impl Commitment {
    /// Fills the parity rows, and commits to all.
    fn encode(shape: &Shape, originals: &[u8], parity: &mut [u8], schedule: Schedule) -> Self {
        let geometry = Geometry { k: shape.k(), row_len: shape.row_len() };
        let codec = shape.codec().codec();
        let row_tree = Tree::over_leaves(Domain::Rows, shape.rows(), schedule, |leaves, beside| {
            let key = Domain::Rows.leaf_key();
            let hashes = (plain(leaves), plain(beside));
            let hashed = codec
                .extend_hashing(geometry, originals, parity, key, hashes, schedule)
                .expect("a valid shape is a valid geometry and the matrix has its size");
            if !hashed {
                codec
                    .extend(geometry, originals, parity, schedule)
                    .expect("a valid shape is a valid geometry and the matrix has its size");
                Domain::Rows.hash_leaves(&[originals, parity], shape.row_len(), leaves, schedule);
            }
        });
        Self::under(shape, row_tree, originals, schedule)
    }

    /// To a matrix, whatever its parity rows are.
    fn of(shape: &Shape, originals: &[u8], parity: &[u8], schedule: Schedule) -> Self {
        let row_tree = Tree::over_leaves(Domain::Rows, shape.rows(), schedule, |leaves, _| {
            Domain::Rows.hash_leaves(&[originals, parity], shape.row_len(), leaves, schedule);
        });
        Self::under(shape, row_tree, originals, schedule)
    }

    /// To rows with this tree.
    fn under(shape: &Shape, row_tree: Tree, originals: &[u8], schedule: Schedule) -> Self {
        let digester = RowDigester::derive(shape, row_tree.root());
        let digests = digester.digest_rows(originals, schedule);
        let digest_root = Tree::over(Domain::Digests, digests.as_flattened(), DIGEST_BYTES, schedule).root();
        Self { row_tree, digests, digest_root }
    }
}

impl EncodedRows {
    /// Encodes a matrix whose original rows are filled and whose parity rows are to be.
    pub(crate) fn encode(shape: Shape, mut matrix: Matrix, schedule: Schedule) -> Self {
        let (originals, parity) = matrix.split_at_mut(shape.originals_len());
        let commitment = Commitment::encode(&shape, originals, parity, schedule);
        Self::new(shape, matrix, commitment)
    }

    /// The same, while `beside` does something with the original rows on a thread of its own.
    fn encode_beside<R: Send>(
        shape: Shape,
        mut matrix: Matrix,
        schedule: Schedule,
        beside: impl FnOnce(&[u8]) -> R + Send,
    ) -> (Self, R) {
        let (originals, parity) = matrix.split_at_mut(shape.originals_len());
        let originals: &[u8] = originals;
        let (commitment, result) = std::thread::scope(|scope| {
            let other = scope.spawn(|| beside(originals));
            let commitment = Commitment::encode(&shape, originals, parity, schedule);
            (commitment, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        (Self::new(shape, matrix, commitment), result)
    }

    fn new(shape: Shape, matrix: Matrix, commitment: Commitment) -> Self {
        let Commitment { row_tree, digests, digest_root } = commitment;
        Self { shape, matrix, row_tree, digests, digest_root }
    }

    /// Trees and digests of a matrix, whatever its parity rows are.
    fn commit(shape: Shape, matrix: Matrix, schedule: Schedule) -> Self {
        let (originals, parity) = matrix.split_at(shape.originals_len());
        let commitment = Commitment::of(&shape, originals, parity, schedule);
        Self::new(shape, matrix, commitment)
    }

    /// As a liar would: commits to `matrix`, but to the digests of `originals`.
    pub(crate) fn commit_with_digests_of(shape: Shape, matrix: &[u8], originals: &[u8], schedule: Schedule) -> Self {
        let honest = Self::commit(shape, Matrix::copy_of(matrix), schedule);
        let digests = RowDigester::derive(&shape, honest.row_root()).digest_rows(originals, schedule);
        let digest_root = Tree::over(Domain::Digests, digests.as_flattened(), DIGEST_BYTES, schedule).root();
        Self { digests, digest_root, ..honest }
    }

    /// Encodes `k` original rows given in one piece.
    pub fn from_originals(shape: Shape, originals: &[u8], schedule: Schedule) -> Result<Self, OriginalsLengthError> {
        let expected = shape.originals_len();
        if originals.len() != expected {
            return Err(OriginalsLengthError { found: originals.len(), expected });
        }
        let mut matrix = Matrix::any(shape.matrix_len());
        matrix[..expected].copy_from_slice(originals);
        Ok(Self::encode(shape, matrix, schedule))
    }

    /// The shape.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The `k` original rows in one piece: payload and padding.
    pub fn originals(&self) -> &[u8] {
        &self.matrix[..self.shape.originals_len()]
    }

    /// The payload, without padding.
    pub fn payload(&self) -> &[u8] {
        &self.matrix[..self.shape.total_len() as usize]
    }

    /// All `4k` rows in one piece.
    pub fn matrix(&self) -> &[u8] {
        &self.matrix
    }

    /// Bytes of one row; `None` beyond the last.
    pub fn row_bytes(&self, index: u32) -> Option<&[u8]> {
        self.matrix.chunks_exact(self.shape.row_len()).nth(index as usize)
    }

    /// A row with its path; `None` beyond the last.
    pub fn row(&self, index: u32) -> Option<RowProof> {
        let row = self.row_bytes(index)?.to_vec();
        Some(RowProof { index, row, path: self.row_tree.path(index as usize)? })
    }

    /// The row tree.
    pub const fn row_tree(&self) -> &Tree {
        &self.row_tree
    }

    /// Root of the row tree.
    pub fn row_root(&self) -> B256 {
        self.row_tree.root()
    }

    /// Digests of the original rows.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// The digests in one piece, as light clients download them.
    pub fn digest_bytes(&self) -> &[u8] {
        self.digests.as_flattened()
    }

    /// Root of the digest tree.
    pub const fn digest_root(&self) -> B256 {
        self.digest_root
    }
}

impl EncodedBlock {
    /// Encodes packed blobs.
    pub fn encode(packed: Packed, schedule: Schedule) -> Self {
        let rows = EncodedRows::encode(packed.shape, packed.matrix, schedule);
        Self { rows, index: packed.index }
    }

    /// The same, while `beside` does something with the original rows on a thread of its own: a store need not wait for
    /// what follows from them.
    pub fn encode_beside<R: Send>(
        packed: Packed,
        schedule: Schedule,
        beside: impl FnOnce(&[u8]) -> R + Send,
    ) -> (Self, R) {
        let (rows, result) = EncodedRows::encode_beside(packed.shape, packed.matrix, schedule, beside);
        (Self { rows, index: packed.index }, result)
    }

    /// Recomputes a block from what a store keeps: its shape (in the header) and original rows.
    pub fn from_originals(shape: Shape, originals: &[u8], schedule: Schedule) -> Result<Self, FromOriginalsError> {
        let rows = EncodedRows::from_originals(shape, originals, schedule)?;
        let index = read_index(rows.payload())?;
        Ok(Self { rows, index })
    }

    pub(crate) const fn from_parts(rows: EncodedRows, index: BlobIndex) -> Self {
        Self { rows, index }
    }

    /// The rows, their tree and digests.
    pub const fn rows(&self) -> &EncodedRows {
        &self.rows
    }

    /// The blob index.
    pub const fn index(&self) -> &BlobIndex {
        &self.index
    }

    /// The shape.
    pub const fn shape(&self) -> &Shape {
        &self.rows.shape
    }

    /// A row with its path; `None` beyond the last.
    pub fn row(&self, index: u32) -> Option<RowProof> {
        self.rows.row(index)
    }

    /// The header of this block at a place in the chain.
    pub fn header(&self, position: ChainPosition) -> Header {
        let ChainPosition { network_id, height, prev_hash, time_ms } = position;
        Header {
            network_id,
            height,
            prev_hash,
            time_ms,
            shape: self.rows.shape,
            row_root: self.rows.row_root(),
            digest_root: self.rows.digest_root,
            blob_index_root: self.index.root(),
            blob_count: self.index.count(),
        }
    }
}

/// The index at the start of a payload. Its first entry says where it ends: the first blob follows it.
fn read_index(payload: &[u8]) -> Result<BlobIndex, IndexFault> {
    use crate::blob::{BLOB_ENTRY_BYTES, BlobEntry};
    let first = BlobEntry::decode(payload.get(..BLOB_ENTRY_BYTES).unwrap_or(payload))?;
    let len = usize::try_from(first.offset).ok().filter(|len| *len <= payload.len());
    let index = BlobIndex::decode(&payload[..len.unwrap_or(0)])?;
    if index.total_len() != payload.len() as u64 {
        return Err(IndexFault::End { end: index.total_len(), total_len: payload.len() as u64 });
    }
    Ok(index)
}
