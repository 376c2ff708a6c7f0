//! What an account and its slots are in the state after a block, with proofs: the shape in which they are shown.

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use serde::Serialize;
use weft_state::keys::{AccountKeys, BASIC_DATA, CODE_HASH, DELEGATION};
use weft_state::proof::ProofError;
use weft_state::{Proof, TreeKey};

use crate::store::StoredBlock;

/// A leaf of the state tree, with its proof as `weft_state::Proof::encode` writes it (EIP-8297, BLAKE3).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaf {
    /// Where it lies.
    pub key: Bytes,
    /// Null where the proof shows that there is none.
    pub value: Option<B256>,
    /// The proof.
    pub proof: Bytes,
}

/// An account and some of its slots under a state root.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountProof {
    /// Whose.
    pub address: Address,
    /// After which block.
    pub block_number: U64,
    /// Its hash.
    pub block_hash: B256,
    /// The root that the proofs lead to, in its header.
    pub state_root: B256,
    /// Version, code size, nonce and balance.
    pub basic_data: Leaf,
    /// Keccak-256 hash of the code.
    pub code_hash: Leaf,
    /// EIP-7702 delegation, in place of the code hash.
    pub delegation: Leaf,
    /// Of the slots asked for, in order.
    pub storage: Vec<Leaf>,
}

/// Where what an account is lies in the tree, and then its slots: for [`AccountProof::new`].
pub fn account_keys(address: Address, slots: &[U256]) -> Vec<TreeKey> {
    let own = AccountKeys::new(address);
    let header = [BASIC_DATA, CODE_HASH, DELEGATION].map(|sub| own.header(sub));
    header.into_iter().chain(slots.iter().map(|slot| own.storage(*slot))).collect()
}

impl AccountProof {
    /// Of proofs for the keys of [`account_keys`] in order, each of which is verified.
    pub fn new(address: Address, block: &StoredBlock, keys: &[TreeKey], proofs: &[Proof]) -> Result<Self, ProofError> {
        let state_root = block.header.state_root;
        let leaf = |(key, proof): (&TreeKey, &Proof)| -> Result<Leaf, ProofError> {
            let value = proof.verify(state_root, key)?;
            let (key, proof) = (Bytes::copy_from_slice(key.as_slice()), proof.encode().into());
            Ok(Leaf { key, value: value.map(B256::from), proof })
        };
        let mut leaves = keys.iter().zip(proofs).map(leaf);
        let mut next = || leaves.next().unwrap_or(Err(ProofError::Way));
        Ok(Self {
            address,
            block_number: U64::from(block.header.number),
            block_hash: block.hash,
            state_root,
            basic_data: next()?,
            code_hash: next()?,
            delegation: next()?,
            storage: leaves.collect::<Result<_, _>>()?,
        })
    }
}
