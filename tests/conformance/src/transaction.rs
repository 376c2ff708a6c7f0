//! From signed transactions to revm's.

use alloy_consensus::Transaction as _;
use alloy_primitives::Address;
use revm::context::TxEnv;
use revm::context::either::Either;
use weft_primitives::transaction::Envelope;

/// A signed transaction, blob transactions included, as revm has it.
pub fn env_of(envelope: &Envelope, sender: Address) -> TxEnv {
    let authorizations = envelope.authorization_list().unwrap_or_default();
    TxEnv {
        tx_type: envelope.tx_type().into(),
        caller: sender,
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
