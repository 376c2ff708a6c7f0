//! Real blocks of Ethereum with the state that they read, from a folder.
//!
//! `N/block.json` is the block as `eth_getBlockByNumber(N, true)` gives it,
//! `N/pre_state.json` what it reads, `codes.json` code by hash,
//! `block_hashes.json` hashes by number.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alloy_primitives::{Address, B256, Bytes, TxKind, U64, U256};
use revm::context::transaction::{AccessList, AccessListItem};
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::primitives::hardfork::SpecId;
use serde::Deserialize;

use crate::map_state::MapState;

/// A real block, ready to be executed.
#[derive(Clone, Debug)]
pub struct MainnetBlock {
    /// Its number.
    pub number: u64,
    /// What it reads.
    pub state: MapState,
    /// Rules at its time.
    pub config: CfgEnv,
    /// Its environment.
    pub block: BlockEnv,
    /// Its transactions.
    pub transactions: Vec<TxEnv>,
    /// EIP-2718 types of them, for receipts.
    pub types: Vec<u8>,
    /// What the header says.
    pub gas_used: u64,
    /// What the header says.
    pub receipts_root: B256,
    /// For the system call of EIP-4788.
    pub parent_beacon_block_root: Option<B256>,
}

/// Why a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MainnetError {
    /// The file system.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// Not what was expected.
    #[error("{path}: {source}")]
    Json {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: serde_json::Error,
    },
    /// No blocks.
    #[error("{0}: no folder with a number for a name")]
    Empty(PathBuf),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonBlock {
    miner: Address,
    number: U64,
    timestamp: U64,
    gas_limit: U64,
    gas_used: U64,
    receipts_root: B256,
    difficulty: U256,
    mix_hash: Option<B256>,
    base_fee_per_gas: Option<U64>,
    excess_blob_gas: Option<U64>,
    parent_beacon_block_root: Option<B256>,
    transactions: Vec<JsonTransaction>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonTransaction {
    #[serde(rename = "type", default)]
    kind: Option<U64>,
    from: Address,
    to: Option<Address>,
    input: Bytes,
    gas: U64,
    gas_price: Option<U256>,
    max_fee_per_gas: Option<U256>,
    max_priority_fee_per_gas: Option<U256>,
    max_fee_per_blob_gas: Option<U256>,
    blob_versioned_hashes: Option<Vec<B256>>,
    nonce: U64,
    value: U256,
    chain_id: Option<U64>,
    access_list: Option<Vec<JsonAccess>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonAccess {
    address: Address,
    storage_keys: Vec<B256>,
}

#[derive(Deserialize)]
struct JsonAccount {
    balance: U256,
    nonce: u64,
    code_hash: Option<String>,
    #[serde(default)]
    storage: BTreeMap<U256, U256>,
}

pub(crate) fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, MainnetError> {
    let bytes = std::fs::read(path).map_err(|source| MainnetError::Io { path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes).map_err(|source| MainnetError::Json { path: path.to_owned(), source })
}

/// Numbers of the blocks in a folder, ascending; at least one.
pub(crate) fn numbers(folder: &Path) -> Result<Vec<u64>, MainnetError> {
    let io = |source| MainnetError::Io { path: folder.to_owned(), source };
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        numbers.extend(entry.map_err(io)?.file_name().to_string_lossy().parse::<u64>());
    }
    numbers.sort_unstable();
    if numbers.is_empty() { Err(MainnetError::Empty(folder.to_owned())) } else { Ok(numbers) }
}

/// All blocks in a folder, by number.
pub fn read_all(folder: &Path) -> Result<Vec<MainnetBlock>, MainnetError> {
    let codes: BTreeMap<String, Bytes> = read(&folder.join("codes.json"))?;
    let hashes: BTreeMap<String, B256> = read(&folder.join("block_hashes.json"))?;
    numbers(folder)?.into_iter().map(|number| read_block(&folder.join(number.to_string()), &codes, &hashes)).collect()
}

fn read_block(
    folder: &Path,
    codes: &BTreeMap<String, Bytes>,
    hashes: &BTreeMap<String, B256>,
) -> Result<MainnetBlock, MainnetError> {
    let block: JsonBlock = read(&folder.join("block.json"))?;
    let accounts: BTreeMap<Address, JsonAccount> = read(&folder.join("pre_state.json"))?;
    let number = block.number.to::<u64>();
    let mut state = MapState::default();
    for (address, account) in accounts {
        let code = account.code_hash.as_ref().and_then(|hash| codes.get(hash)).cloned().unwrap_or_default();
        state.insert(address, account.nonce, account.balance, &code, account.storage);
    }
    for (at, hash) in hashes {
        if let Ok(at) = at.parse::<u64>()
            && at < number
            && at + 256 >= number
        {
            state.insert_block_hash(at, *hash);
        }
    }
    let spec = spec_at(number, block.timestamp.to());
    let mut config = CfgEnv::new_with_spec(spec);
    config.chain_id = 1;
    let blob = block.excess_blob_gas.map(|excess| BlobExcessGasAndPrice::new_with_spec(excess.to(), spec));
    let environment = BlockEnv {
        number: U256::from(number),
        beneficiary: block.miner,
        timestamp: U256::from(block.timestamp.to::<u64>()),
        gas_limit: block.gas_limit.to(),
        basefee: block.base_fee_per_gas.unwrap_or_default().to(),
        difficulty: block.difficulty,
        prevrandao: block.mix_hash,
        blob_excess_gas_and_price: blob,
        ..BlockEnv::default()
    };
    Ok(MainnetBlock {
        number,
        state,
        config,
        block: environment,
        types: block.transactions.iter().map(|transaction| transaction.kind.unwrap_or_default().to()).collect(),
        transactions: block.transactions.into_iter().map(transaction).collect(),
        gas_used: block.gas_used.to(),
        receipts_root: block.receipts_root,
        parent_beacon_block_root: block.parent_beacon_block_root,
    })
}

fn transaction(json: JsonTransaction) -> TxEnv {
    let wei = |value: Option<U256>| value.map(|value| value.saturating_to::<u128>());
    let list = json.access_list.unwrap_or_default();
    let item = |item: JsonAccess| AccessListItem { address: item.address, storage_keys: item.storage_keys };
    TxEnv {
        tx_type: json.kind.unwrap_or_default().to(),
        caller: json.from,
        gas_limit: json.gas.to(),
        gas_price: wei(json.max_fee_per_gas).or(wei(json.gas_price)).unwrap_or_default(),
        gas_priority_fee: wei(json.max_priority_fee_per_gas),
        kind: json.to.map_or(TxKind::Create, TxKind::Call),
        value: json.value,
        data: json.input,
        nonce: json.nonce.to(),
        chain_id: json.chain_id.map(|id| id.to()),
        access_list: AccessList(list.into_iter().map(item).collect()),
        blob_hashes: json.blob_versioned_hashes.unwrap_or_default(),
        max_fee_per_blob_gas: wei(json.max_fee_per_blob_gas).unwrap_or_default(),
        ..TxEnv::default()
    }
}

/// Mainnet's forks.
fn spec_at(number: u64, timestamp: u64) -> SpecId {
    match (number, timestamp) {
        (_, 1_764_798_551..) => SpecId::OSAKA,
        (_, 1_746_612_311..) => SpecId::PRAGUE,
        (_, 1_710_338_135..) => SpecId::CANCUN,
        (_, 1_681_338_455..) => SpecId::SHANGHAI,
        (15_537_394.., _) => SpecId::MERGE,
        (12_965_000.., _) => SpecId::LONDON,
        (12_244_000.., _) => SpecId::BERLIN,
        (9_069_000.., _) => SpecId::ISTANBUL,
        (7_280_000.., _) => SpecId::PETERSBURG,
        (4_370_000.., _) => SpecId::BYZANTIUM,
        (2_675_000.., _) => SpecId::SPURIOUS_DRAGON,
        (2_463_000.., _) => SpecId::TANGERINE,
        (1_150_000.., _) => SpecId::HOMESTEAD,
        _ => SpecId::FRONTIER,
    }
}
