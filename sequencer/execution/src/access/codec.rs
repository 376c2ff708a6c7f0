//! A list as bytes, and its hash.

use alloy_eip7928::{AccountChanges, BlockAccessList, compute_block_access_list_hash};
use alloy_primitives::B256;

/// As Ethereum encodes it.
pub fn encode(list: &[AccountChanges]) -> Vec<u8> {
    let mut bytes = Vec::new();
    alloy_rlp::encode_list(list, &mut bytes);
    bytes
}

/// Inverse of [`encode`]. What it gives may still break the rules of EIP-7928.
pub fn decode(bytes: &[u8]) -> alloy_rlp::Result<BlockAccessList> {
    alloy_rlp::decode_exact(bytes)
}

/// What Ethereum's headers commit to.
pub fn hash(list: &[AccountChanges]) -> B256 {
    compute_block_access_list_hash(list)
}
