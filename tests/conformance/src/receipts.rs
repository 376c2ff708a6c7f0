//! What a block's header says of its receipts.

use alloy_consensus::{Eip658Value, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{B256, Bloom, logs_bloom};
use alloy_trie::root::ordered_trie_root_encoded;
use weft_execution::Executed;
use weft_execution::raw::Outcome;

use crate::difference::{Difference, same_hash};

/// A block's receipts, from Byzantium on.
#[derive(Clone, Copy, Debug)]
pub struct Receipts {
    /// Their trie's root.
    pub root: B256,
    /// Over all logs.
    pub bloom: Bloom,
    /// By all transactions.
    pub gas_used: u64,
}

impl Receipts {
    /// Those of transactions of these EIP-2718 types, all of which must have been executed.
    pub fn of(types: &[u8], outcome: &Outcome) -> Result<Self, Difference> {
        let (mut gas_used, mut bloom) = (0, Bloom::ZERO);
        let mut encoded = Vec::with_capacity(types.len());
        for (at, (kind, result)) in types.iter().zip(&outcome.results).enumerate() {
            let executed = result.as_ref().map_err(|reason| Difference::Refused { at, reason: reason.clone() })?;
            gas_used += executed.gas_used;
            bloom |= logs_bloom(&executed.logs);
            encoded.push(encode(*kind, executed, gas_used));
        }
        Ok(Self { root: ordered_trie_root_encoded(&encoded), bloom, gas_used })
    }

    /// Whether the header says so too.
    pub fn check(&self, header: &Header) -> Result<(), Difference> {
        if self.gas_used != header.gas_used {
            return Err(Difference::Gas { got: self.gas_used, want: header.gas_used });
        }
        if self.bloom != header.logs_bloom {
            return Err(Difference::Bloom);
        }
        same_hash("receipts root", self.root, header.receipts_root)
    }
}

fn encode(kind: u8, executed: &Executed, cumulative_gas_used: u64) -> Vec<u8> {
    let logs = executed.logs.clone();
    let logs_bloom = logs_bloom(&logs);
    let receipt = Receipt { status: Eip658Value::Eip658(executed.success), cumulative_gas_used, logs };
    let receipt = ReceiptWithBloom { receipt, logs_bloom };
    let envelope = match kind {
        1 => ReceiptEnvelope::Eip2930(receipt),
        2 => ReceiptEnvelope::Eip1559(receipt),
        3 => ReceiptEnvelope::Eip4844(receipt),
        4 => ReceiptEnvelope::Eip7702(receipt),
        _ => ReceiptEnvelope::Legacy(receipt),
    };
    envelope.encoded_2718()
}
