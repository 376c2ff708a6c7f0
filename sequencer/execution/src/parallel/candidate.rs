//! What the executor has to know of a transaction.

use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, TxKind, U256};
use revm::context::{BlockEnv, CfgEnv, Transaction as _, TxEnv};
use revm::primitives::hardfork::SpecId;
use weft_primitives::Transaction;

use super::database::Sender;
use crate::env;

/// Gas that a payment to an account without code uses, by every fork's rules up to Osaka.
pub(super) const TRANSFER_GAS: u64 = 21_000;

/// A transaction that may be executed. Who sent it is known.
pub trait Candidate: Sync {
    /// Its sender, and the nonce that it demands.
    fn sender(&self) -> (Address, u64);

    /// Its recipient; `None` if it creates a contract.
    fn to(&self) -> Option<Address>;

    /// Gas that it may use at most.
    fn gas_limit(&self) -> u64;

    /// As revm wants it.
    fn env(&self) -> TxEnv;

    /// Recipient, if it does nothing but pay an account that has no code: no data, no lists.
    fn pays(&self) -> Option<Payment>;
}

/// A transaction that only pays.
#[derive(Clone, Copy, Debug)]
pub struct Payment {
    /// EIP-2718 type.
    pub transaction_type: u8,
    /// Recipient.
    pub to: Address,
    /// In wei.
    pub value: U256,
    /// Gas limit.
    pub gas_limit: u64,
    /// Wei a gas at most.
    pub max_fee: u128,
    /// Wei a gas above the base fee at most, where the type has that.
    pub tip: Option<u128>,
    /// Chain on which it is valid, if it says.
    pub chain_id: Option<u64>,
}

impl Candidate for Transaction {
    fn sender(&self) -> (Address, u64) {
        (self.sender(), self.nonce())
    }

    fn to(&self) -> Option<Address> {
        self.envelope().to()
    }

    fn gas_limit(&self) -> u64 {
        self.envelope().gas_limit()
    }

    fn env(&self) -> TxEnv {
        env::transaction(self)
    }

    fn pays(&self) -> Option<Payment> {
        let envelope = self.envelope();
        let bare = envelope.input().is_empty()
            && envelope.access_list().is_none_or(|list| list.is_empty())
            && envelope.authorization_list().is_none();
        let to = envelope.to().filter(|_| bare)?;
        Some(Payment {
            transaction_type: self.transaction_type(),
            to,
            value: envelope.value(),
            gas_limit: envelope.gas_limit(),
            max_fee: envelope.max_fee_per_gas(),
            tip: envelope.max_priority_fee_per_gas(),
            chain_id: envelope.chain_id(),
        })
    }
}

impl Candidate for TxEnv {
    fn sender(&self) -> (Address, u64) {
        (self.caller, self.nonce)
    }

    fn to(&self) -> Option<Address> {
        self.kind.to().copied()
    }

    fn gas_limit(&self) -> u64 {
        self.gas_limit
    }

    fn env(&self) -> TxEnv {
        self.clone()
    }

    fn pays(&self) -> Option<Payment> {
        let bare = self.data.is_empty()
            && self.access_list.is_empty()
            && self.authorization_list.is_empty()
            && self.blob_hashes.is_empty();
        let TxKind::Call(to) = self.kind else { return None };
        bare.then_some(Payment {
            transaction_type: self.tx_type,
            to,
            value: self.value,
            gas_limit: self.gas_limit,
            max_fee: self.gas_price,
            tip: self.gas_priority_fee,
            chain_id: self.chain_id,
        })
    }
}

/// A payment that needs no EVM, because its outcome is known: what it costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer {
    pub(super) sender: Sender,
    pub(super) to: Address,
    pub(super) value: U256,
    /// What the sender must have.
    pub(super) most: U256,
    /// What the sender pays, value and gas.
    pub(super) cost: U256,
    /// What the beneficiary gets.
    pub(super) fee: U256,
}

impl Transfer {
    /// `None` where anything is out of the ordinary: then revm judges.
    pub(super) fn of(candidate: &impl Candidate, config: &CfgEnv, block: &BlockEnv) -> Option<Self> {
        let is_in = |fork| config.spec.is_enabled_in(fork);
        let ordinary_rules = config.spec <= SpecId::OSAKA && (is_in(SpecId::LONDON) || block.basefee == 0);
        let payment = candidate.pays().filter(|_| ordinary_rules)?;
        let (address, nonce) = candidate.sender();
        let base_fee = u128::from(block.basefee);
        let tip = match (payment.transaction_type, payment.tip) {
            (0, _) => payment.max_fee.checked_sub(base_fee)?,
            (1, _) if is_in(SpecId::BERLIN) => payment.max_fee.checked_sub(base_fee)?,
            (2, Some(tip)) if is_in(SpecId::LONDON) && tip <= payment.max_fee => {
                tip.min(payment.max_fee.checked_sub(base_fee)?)
            }
            _ => return None,
        };
        // Below the reach of any precompile.
        let precompile = payment.to[..17].iter().all(|byte| *byte == 0);
        let gas_cap = block.gas_limit.min(revm::context::Cfg::tx_gas_limit_cap(config));
        let ordinary = !precompile
            && payment.to != address
            // Paying nothing may touch, and so remove, an empty account.
            && !payment.value.is_zero()
            && nonce != u64::MAX
            && (TRANSFER_GAS..=gas_cap).contains(&payment.gas_limit)
            && payment.chain_id.is_none_or(|id| id == config.chain_id)
            && (payment.transaction_type == 0 || payment.chain_id.is_some());
        // In 128 bits: who offers more than they hold is not an ordinary payer.
        let gas = |price: u128, gas: u64| price.checked_mul(u128::from(gas)).map(U256::from);
        ordinary.then_some(Self {
            sender: Sender { address, nonce },
            to: payment.to,
            value: payment.value,
            most: gas(payment.max_fee, payment.gas_limit)?.checked_add(payment.value)?,
            cost: gas(base_fee.checked_add(tip)?, TRANSFER_GAS)?.checked_add(payment.value)?,
            fee: gas(tip, TRANSFER_GAS)?,
        })
    }
}

/// What the sender of a transaction must have, value included.
pub(super) fn most(transaction: &TxEnv) -> U256 {
    transaction.max_balance_spending().unwrap_or(U256::MAX)
}
