//! From Weft's types to revm's environment.

use alloy_consensus::Transaction as _;
use alloy_primitives::{B256, U256};
use revm::context::either::Either;
use revm::context::{BlockEnv, CfgEnv, Context, TxEnv};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::handler::{MainBuilder, MainContext, MainnetContext, MainnetEvm};
use revm::primitives::hardfork::SpecId;
use weft_primitives::chain::Fork;
use weft_primitives::header::prev_randao;
use weft_primitives::{BlockHeader, ChainConfig, Transaction};

use crate::overlay::Overlay;
use crate::view::StateView;

/// revm over a state.
pub(crate) type Evm<'a, V> = MainnetEvm<MainnetContext<Overlay<'a, V>>>;

/// Blob gas is never used; this is its lowest price.
const BLOB_PRICE: BlobExcessGasAndPrice = BlobExcessGasAndPrice { excess_blob_gas: 0, blob_gasprice: 1 };

pub(crate) fn evm<'a, V: StateView + ?Sized>(db: Overlay<'a, V>, config: CfgEnv, block: BlockEnv) -> Evm<'a, V> {
    Context::mainnet().with_db(db).with_cfg(config).with_block(block).build_mainnet()
}

/// Rules at a block time.
pub(crate) fn config(chain: &ChainConfig, timestamp: u64) -> CfgEnv {
    let spec = match chain.fork_at(timestamp) {
        Fork::Prague => SpecId::PRAGUE,
        Fork::Osaka => SpecId::OSAKA,
    };
    let mut config = CfgEnv::new_with_spec(spec);
    config.chain_id = chain.chain_id();
    config
}

/// The block on top of `parent`.
pub(crate) fn next_block(chain: &ChainConfig, parent: &BlockHeader, parent_hash: B256, timestamp: u64) -> BlockEnv {
    let number = parent.number + 1;
    BlockEnv {
        number: U256::from(number),
        beneficiary: chain.fee_recipient(),
        timestamp: U256::from(timestamp),
        gas_limit: chain.gas_limit(),
        basefee: chain.next_base_fee(parent),
        difficulty: U256::ZERO,
        prevrandao: Some(prev_randao(parent_hash, number)),
        blob_excess_gas_and_price: Some(BLOB_PRICE),
        ..BlockEnv::default()
    }
}

/// An existing block.
pub(crate) fn block_of(header: &BlockHeader) -> BlockEnv {
    BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        difficulty: U256::ZERO,
        prevrandao: Some(header.mix_hash),
        blob_excess_gas_and_price: Some(BLOB_PRICE),
        ..BlockEnv::default()
    }
}

/// A signed transaction.
pub(crate) fn transaction(transaction: &Transaction) -> TxEnv {
    let envelope = transaction.envelope();
    let authorizations = envelope.authorization_list().unwrap_or_default();
    TxEnv {
        tx_type: transaction.transaction_type(),
        caller: transaction.sender(),
        gas_limit: envelope.gas_limit(),
        gas_price: envelope.max_fee_per_gas(),
        gas_priority_fee: envelope.max_priority_fee_per_gas(),
        kind: envelope.kind(),
        value: envelope.value(),
        data: envelope.input().clone(),
        nonce: envelope.nonce(),
        chain_id: envelope.chain_id(),
        access_list: envelope.access_list().cloned().unwrap_or_default(),
        blob_hashes: envelope.blob_versioned_hashes().unwrap_or_default().to_vec(),
        max_fee_per_blob_gas: envelope.max_fee_per_blob_gas().unwrap_or_default(),
        authorization_list: authorizations.iter().cloned().map(Either::Left).collect(),
    }
}

/// Gas that a transaction must ask for at least: intrinsic gas and EIP-7623's floor.
pub fn intrinsic_gas(chain: &ChainConfig, timestamp: u64, candidate: &Transaction) -> u64 {
    let gas = config(chain, timestamp).gas_params.initial_tx_gas_for_tx(transaction(candidate), None);
    gas.initial_total_gas().max(gas.floor_gas())
}

/// Gas that a transaction may ask for at most: the block's, and from Osaka on EIP-7825's cap.
pub fn max_transaction_gas(chain: &ChainConfig, timestamp: u64) -> u64 {
    match chain.fork_at(timestamp) {
        Fork::Prague => chain.gas_limit(),
        Fork::Osaka => chain.gas_limit().min(alloy_eips::eip7825::MAX_TX_GAS_LIMIT_OSAKA),
    }
}
