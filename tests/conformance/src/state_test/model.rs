//! What a state test says, and the environment that it means.

use std::collections::BTreeMap;
use std::fmt;

use alloy_eips::eip7702::{Authorization, SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use revm::context::either::Either;
use revm::context::transaction::{AccessList, AccessListItem};
use revm::context::{BlockEnv, TxEnv};
use revm::primitives::hardfork::SpecId;
use secp256k1::{PublicKey, SecretKey};
use serde::Deserialize;
use weft_bench::MapState;
use weft_execution::StateView;

use crate::json::Pre;
use crate::{fork, json};

/// Ancestors whose hashes `BLOCKHASH` knows.
const BLOCK_HASHES: u64 = 256;

/// One test.
#[derive(Debug, Deserialize)]
pub(super) struct StateTest {
    env: Env,
    pub(super) pre: Pre,
    transaction: Transaction,
    /// By fork.
    pub(super) post: BTreeMap<String, Vec<Post>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Env {
    current_coinbase: Address,
    #[serde(default)]
    current_difficulty: U256,
    current_gas_limit: U256,
    current_number: U256,
    current_timestamp: U256,
    current_base_fee: Option<U256>,
    current_random: Option<B256>,
    current_excess_blob_gas: Option<U256>,
}

/// Figures are text, because some are made not to be figures.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    data: Vec<Bytes>,
    gas_limit: Vec<String>,
    value: Vec<String>,
    nonce: String,
    gas_price: Option<String>,
    max_fee_per_gas: Option<String>,
    max_priority_fee_per_gas: Option<String>,
    max_fee_per_blob_gas: Option<String>,
    blob_versioned_hashes: Option<Vec<B256>>,
    #[serde(default)]
    access_lists: Vec<Option<Vec<Access>>>,
    authorization_list: Option<Vec<Authorized>>,
    /// Empty for a creation.
    to: String,
    sender: Option<Address>,
    secret_key: Option<B256>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Access {
    address: Address,
    storage_keys: Vec<B256>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authorized {
    chain_id: U256,
    address: Address,
    nonce: U256,
    #[serde(alias = "yParity")]
    v: U256,
    r: U256,
    s: U256,
}

/// What a transaction must give.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Post {
    /// Root of the state.
    pub(super) hash: B256,
    /// Hash of the logs.
    pub(super) logs: B256,
    pub(super) indexes: Indexes,
    pub(super) expect_exception: Option<String>,
    #[serde(default)]
    pub(super) txbytes: Bytes,
}

/// Which of the variants.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Indexes {
    data: usize,
    gas: usize,
    value: usize,
}

impl fmt::Display for Indexes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "d{} g{} v{}", self.data, self.gas, self.value)
    }
}

impl StateTest {
    /// The state before the transaction. The hash of a block is that of its number in digits.
    pub(super) fn state(&self) -> MapState {
        let mut state = json::state_of(&self.pre);
        let number: u64 = self.env.current_number.saturating_to();
        for ancestor in number.saturating_sub(BLOCK_HASHES)..number {
            state.insert_block_hash(ancestor, keccak256(ancestor.to_string()));
        }
        state
    }

    /// State tests have a block reward of nothing: before EIP-161 it leaves an empty account behind.
    pub(super) fn reward(&self, state: &mut MapState, spec: SpecId) {
        let beneficiary = self.env.current_coinbase;
        let absent = matches!(state.account(beneficiary), Ok(None));
        if absent && !spec.is_enabled_in(SpecId::SPURIOUS_DRAGON) {
            state.insert(beneficiary, 0, U256::ZERO, &Bytes::new(), []);
        }
    }

    /// The block around the transaction.
    pub(super) fn block(&self, spec: SpecId) -> BlockEnv {
        let env = &self.env;
        let mut block = BlockEnv {
            number: env.current_number,
            beneficiary: env.current_coinbase,
            timestamp: env.current_timestamp,
            gas_limit: env.current_gas_limit.saturating_to(),
            basefee: env.current_base_fee.unwrap_or_default().saturating_to(),
            difficulty: env.current_difficulty,
            prevrandao: env.current_random.or(spec.is_enabled_in(SpecId::MERGE).then_some(B256::ZERO)),
            ..BlockEnv::default()
        };
        if let Some(excess) = env.current_excess_blob_gas {
            let fraction = fork::rules(spec).blob_base_fee_update_fraction();
            block.set_blob_excess_gas_and_price(excess.saturating_to(), fraction);
        }
        block
    }

    /// The transaction; `None` if there can be none like it.
    pub(super) fn transaction(&self, post: &Post) -> Option<TxEnv> {
        let Transaction { data, gas_limit, value, access_lists, .. } = &self.transaction;
        let Indexes { data: at, gas, value: value_at } = post.indexes;
        let transaction = &self.transaction;
        let list = access_lists.get(at).and_then(Option::as_ref);
        let item =
            |access: &Access| AccessListItem { address: access.address, storage_keys: access.storage_keys.clone() };
        let (tx_type, kind) = (self.transaction_type(list.is_some()), transaction.kind()?);
        if tx_type > 2 && kind.is_create() {
            // These types have no form for it.
            return None;
        }
        let price = transaction.gas_price.as_ref().or(transaction.max_fee_per_gas.as_ref());
        Some(TxEnv {
            tx_type,
            caller: transaction.sender()?,
            gas_limit: number(gas_limit.get(gas)?)?.saturating_to(),
            gas_price: number(price?)?.saturating_to(),
            gas_priority_fee: optional(transaction.max_priority_fee_per_gas.as_ref())?,
            kind,
            value: number(value.get(value_at)?)?,
            data: data.get(at)?.clone(),
            nonce: number(&transaction.nonce)?.try_into().ok()?,
            chain_id: Some(fork::CHAIN_ID),
            access_list: AccessList(list.into_iter().flatten().map(item).collect()),
            blob_hashes: transaction.blob_versioned_hashes.clone().unwrap_or_default(),
            max_fee_per_blob_gas: optional(transaction.max_fee_per_blob_gas.as_ref())?.unwrap_or_default(),
            authorization_list: transaction.authorizations()?,
        })
    }

    /// EIP-2718 type by the fields that are there.
    fn transaction_type(&self, has_access_list: bool) -> u8 {
        let Transaction { authorization_list, max_fee_per_blob_gas, max_fee_per_gas, .. } = &self.transaction;
        match (authorization_list, max_fee_per_blob_gas, max_fee_per_gas) {
            (Some(_), _, _) => 4,
            (_, Some(_), _) => 3,
            (_, _, Some(_)) => 2,
            _ => u8::from(has_access_list),
        }
    }
}

impl Transaction {
    fn sender(&self) -> Option<Address> {
        self.sender.or_else(|| {
            let key = SecretKey::from_byte_array(self.secret_key?.0).ok()?;
            let public = PublicKey::from_secret_key_global(&key).serialize_uncompressed();
            Some(Address::from_raw_public_key(&public[1..]))
        })
    }

    fn kind(&self) -> Option<TxKind> {
        if self.to.is_empty() { Some(TxKind::Create) } else { self.to.parse().ok().map(TxKind::Call) }
    }

    fn authorizations(
        &self,
    ) -> Option<Vec<Either<SignedAuthorization, revm::context::transaction::RecoveredAuthorization>>> {
        let signed = |one: &Authorized| {
            let (chain_id, address, nonce) = (one.chain_id, one.address, one.nonce.try_into().ok()?);
            let inner = Authorization { chain_id, address, nonce };
            let parity = one.v.try_into().unwrap_or(u8::MAX);
            Some(Either::Left(SignedAuthorization::new_unchecked(inner, parity, one.r, one.s)))
        };
        self.authorization_list.iter().flatten().map(signed).collect()
    }
}

fn number(text: &str) -> Option<U256> {
    let digits = text.strip_prefix("0x")?;
    if digits.is_empty() { Some(U256::ZERO) } else { U256::from_str_radix(digits, 16).ok() }
}

/// `Some(None)` if there is none.
fn optional(text: Option<&String>) -> Option<Option<u128>> {
    text.map_or(Some(None), |text| Some(Some(number(text)?.saturating_to())))
}
