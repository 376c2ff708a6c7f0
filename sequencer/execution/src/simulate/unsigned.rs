//! A made-up block's calls as the transactions that a block has, and that have a hash.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxLegacy};
use alloy_primitives::{Signature, TxKind, U256};
use revm::context::TxEnv;
use weft_primitives::Transaction;
use weft_primitives::transaction::{Envelope, encode};

use super::Refusal;

/// The transaction with a signature of zeros, under which its hash is told. A legacy one says 27 where go-ethereum
/// says 0, for that is no signature's.
pub(super) fn unsigned(env: &TxEnv) -> Result<Transaction, Refusal> {
    let chain_id = env.chain_id.unwrap_or_default();
    let (nonce, gas_limit, to, value, input) = (env.nonce, env.gas_limit, env.kind, env.value, env.data.clone());
    let (max_fee_per_gas, access_list) = (env.gas_price, env.access_list.clone());
    let max_priority_fee_per_gas = env.gas_priority_fee.unwrap_or_default();
    let contract = || match to {
        TxKind::Call(to) => Ok(to),
        TxKind::Create => {
            Err(Refusal { code: Refusal::INVALID_PARAMS, message: "this type of transaction cannot create".to_owned() })
        }
    };
    let envelope = match env.tx_type {
        0 => sign(TxLegacy { chain_id: None, nonce, gas_price: env.gas_price, gas_limit, to, value, input }),
        1 => {
            let gas_price = env.gas_price;
            sign(TxEip2930 { chain_id, nonce, gas_price, gas_limit, to, value, access_list, input })
        }
        3 => sign(TxEip4844 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to: contract()?,
            value,
            access_list,
            blob_versioned_hashes: env.blob_hashes.clone(),
            max_fee_per_blob_gas: env.max_fee_per_blob_gas,
            input,
        }),
        4 => {
            let authorizations = env.authorization_list.iter().filter_map(|one| one.as_ref().left().cloned());
            sign(TxEip7702 {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas,
                max_priority_fee_per_gas,
                to: contract()?,
                value,
                access_list,
                authorization_list: authorizations.collect(),
                input,
            })
        }
        _ => sign(TxEip1559 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to,
            value,
            access_list,
            input,
        }),
    };
    Transaction::with_sender(encode(&envelope), env.caller)
        .map_err(|error| Refusal { code: Refusal::OTHER, message: error.to_string() })
}

fn sign<T: SignableTransaction<Signature>>(fields: T) -> Envelope
where
    Envelope: From<alloy_consensus::Signed<T>>,
{
    fields.into_signed(Signature::new(U256::ZERO, U256::ZERO, false)).into()
}
