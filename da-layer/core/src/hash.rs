//! Every hash of the DA format and what keeps each apart from the others.
//!
//! Tree hashes are keyed BLAKE3 with a public 32-byte ASCII key for each use:
//! no prefix disturbs the alignment of the rows, and a leaf can never be read
//! as a node or as a leaf of another tree. Hashes of whole structures use
//! BLAKE3's key derivation with a context string. Blob contents are hashed by
//! plain BLAKE3, so that the address of a blob is what `b3sum` prints.

use alloy_primitives::B256;
use weft_hash::Lanes;

/// Key of the leaves of the row tree.
pub(crate) const ROW_LEAF: &[u8; 32] = b"weft/da/v1 leaf of the row tree ";
/// Key of the interior nodes of the row tree.
pub(crate) const ROW_NODE: &[u8; 32] = b"weft/da/v1 node of the row tree ";
/// Key of the leaves of the digest tree.
pub(crate) const DIGEST_LEAF: &[u8; 32] = b"weft/da/v1 leaf of digest tree  ";
/// Key of the interior nodes of the digest tree.
pub(crate) const DIGEST_NODE: &[u8; 32] = b"weft/da/v1 node of digest tree  ";
/// Key of the leaves of the blob index.
pub(crate) const INDEX_LEAF: &[u8; 32] = b"weft/da/v1 leaf of blob index   ";
/// Key of the interior nodes of the blob index.
pub(crate) const INDEX_NODE: &[u8; 32] = b"weft/da/v1 node of blob index   ";
/// Key that binds the number of blobs to the root of their tree.
pub(crate) const INDEX_ROOT: &[u8; 32] = b"weft/da/v1 count of blob index  ";
/// Key of the numbers that members of a custody draw.
pub(crate) const CUSTODY_DRAW: &[u8; 32] = b"weft/da/v1 draw of row custody  ";

/// Context of the coefficients of the row digests.
pub(crate) const COEFFICIENTS_CONTEXT: &str = "weft 2026-11 da row digest coefficients v1";
/// Context of the header hash.
pub(crate) const HEADER_CONTEXT: &str = "weft 2026-11 da header v1";
/// Context of the data root.
pub(crate) const DATA_ROOT_CONTEXT: &str = "weft 2026-11 da data root v1";
/// Context of what a publisher signs to put a blob.
pub(crate) const PUT_CONTEXT: &str = "weft 2026-11 da put v1";
/// Context of the order in which a light client draws its samples.
pub(crate) const DRAW_CONTEXT: &str = "weft 2026-11 da sample draw v1";
/// Context of the hash of a custody's members.
pub(crate) const MEMBERS_CONTEXT: &str = "weft 2026-11 da custody members v1";
/// Context of what a member of a custody signs.
pub(crate) const ATTESTATION_CONTEXT: &str = "weft 2026-11 da custody attestation v1";

/// Keyed BLAKE3 of `bytes`.
pub(crate) fn keyed(key: &[u8; 32], bytes: &[u8]) -> B256 {
    B256::new(*blake3::keyed_hash(key, bytes).as_bytes())
}

/// The same of each of the inputs of `len` bytes that are concatenated in `inputs`.
pub(crate) fn keyed_many(key: &[u8; 32], len: usize, inputs: &[u8], hashes: &mut [B256]) {
    weft_hash::keyed_many(Lanes::best(), key, len, inputs, plain(hashes));
}

/// Hashes as plain arrays.
pub(crate) fn plain(hashes: &mut [B256]) -> &mut [[u8; 32]] {
    // SAFETY: `B256` is a transparent wrapper of `[u8; 32]`, so these are as many arrays of one borrow.
    unsafe { std::slice::from_raw_parts_mut(hashes.as_mut_ptr().cast(), hashes.len()) }
}

/// BLAKE3 of `bytes` in key derivation mode.
pub(crate) fn derived(context: &str, bytes: &[u8]) -> B256 {
    B256::new(blake3::derive_key(context, bytes))
}

/// The address of a blob: plain BLAKE3 of its bytes.
pub fn blob_hash(data: &[u8]) -> B256 {
    B256::new(*blake3::hash(data).as_bytes())
}

/// Hashes in one piece.
pub(crate) fn bytes_of(hashes: &[B256]) -> &[u8] {
    // SAFETY: `B256` is a transparent wrapper of `[u8; 32]`, so these are as many bytes of one borrow.
    unsafe { std::slice::from_raw_parts(hashes.as_ptr().cast(), size_of_val(hashes)) }
}
