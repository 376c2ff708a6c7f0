//! What a block has taken in so far, and what it has room for.
//!
//! Everything about inclusion that does not depend on running the EVM: gas
//! limits before a transaction, its receipt after it. Transactions enter in
//! order, however they were executed.

use alloy_consensus::Transaction as _;
use weft_primitives::{BlockBody, Transaction};

use crate::executed::Executed;
use crate::receipt::Receipt;
use crate::skip::SkipReason;

/// The transactions, receipts and gas of a block in the making.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    gas_limit: u64,
    max_transaction_gas: u64,
    base_fee: u64,
    pub(crate) gas_used: u64,
    pub(crate) body: BlockBody,
    pub(crate) receipts: Vec<Receipt>,
}

impl Tally {
    pub(crate) fn new(gas_limit: u64, max_transaction_gas: u64, base_fee: u64) -> Self {
        let (body, receipts) = (BlockBody::default(), Vec::new());
        Self { gas_limit, max_transaction_gas, base_fee, gas_used: 0, body, receipts }
    }

    pub(crate) const fn gas_left(&self) -> u64 {
        self.gas_limit.saturating_sub(self.gas_used)
    }

    /// Whether there is room for a transaction, by the gas that it asks for.
    pub(crate) fn admit(&self, transaction: &Transaction) -> Result<(), SkipReason> {
        self.admit_after(self.gas_used, transaction)
    }

    /// [`Tally::admit`], once the block has used so much.
    pub(crate) fn admit_after(&self, gas_used: u64, transaction: &Transaction) -> Result<(), SkipReason> {
        let left = self.gas_limit.saturating_sub(gas_used);
        let (wanted, cap) = (transaction.envelope().gas_limit(), self.max_transaction_gas);
        if wanted > cap {
            return Err(SkipReason::GasAboveCap { cap, wanted });
        }
        if wanted > left {
            return Err(SkipReason::BlockFull { left, wanted });
        }
        Ok(())
    }

    /// Takes in an executed transaction.
    pub(crate) fn include(&mut self, transaction: Transaction, executed: Executed) {
        self.receipt(&transaction, executed);
        self.body.transactions.push(transaction);
    }

    /// The receipt of an executed transaction; the transaction itself is to follow.
    pub(crate) fn receipt(&mut self, transaction: &Transaction, executed: Executed) {
        let Executed { success, gas_used, logs } = executed;
        self.gas_used += gas_used;
        let envelope = transaction.envelope();
        self.receipts.push(Receipt {
            transaction_hash: transaction.hash(),
            transaction_type: transaction.transaction_type(),
            from: transaction.sender(),
            to: envelope.to(),
            contract_address: envelope.to().is_none().then(|| transaction.sender().create(envelope.nonce())),
            success,
            gas_used,
            cumulative_gas_used: self.gas_used,
            effective_gas_price: envelope.effective_gas_price(Some(self.base_fee)),
            logs,
        });
    }
}
