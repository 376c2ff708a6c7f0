//! What an account is, what a transaction read of it, and what it did to it.
//!
//! Balances are never written, only moved: a transaction adds or takes away.
//! What it demands of the balance it found is at most a bound, unless it looked
//! at the figure itself. So payments to one account, fees above all, do not
//! depend on each other.

use alloy_primitives::{B256, KECCAK256_EMPTY, U256};
use revm::bytecode::Bytecode;
use weft_state::StoredAccount;

/// An account at some point of the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// Before EIP-161 an account may be there and empty.
    pub(super) exists: bool,
    pub(super) balance: U256,
    pub(super) nonce: u64,
    pub(super) code_hash: B256,
    pub(super) code_size: u32,
    /// Only of delegations (EIP-7702): other code is found by its hash.
    pub(super) delegation: Option<Bytecode>,
}

impl Default for Value {
    fn default() -> Self {
        Self {
            exists: false,
            balance: U256::ZERO,
            nonce: 0,
            code_hash: KECCAK256_EMPTY,
            code_size: 0,
            delegation: None,
        }
    }
}

impl From<Option<StoredAccount>> for Value {
    fn from(stored: Option<StoredAccount>) -> Self {
        let Some(StoredAccount { account, delegation }) = stored else { return Self::default() };
        Self {
            exists: true,
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            code_size: account.code_size,
            delegation: delegation.map(Bytecode::new_eip7702),
        }
    }
}

impl Value {
    pub(super) fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && self.code_hash == KECCAK256_EMPTY
    }
}

/// A sum that was added or taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Delta {
    pub(super) amount: U256,
    pub(super) negative: bool,
}

impl Delta {
    pub(super) fn credit(amount: U256) -> Self {
        Self { amount, negative: false }
    }

    pub(super) fn debit(amount: U256) -> Self {
        Self { amount, negative: true }
    }

    pub(super) fn between(before: U256, after: U256) -> Self {
        if after < before { Self::debit(before - after) } else { Self::credit(after - before) }
    }

    /// `None` if the sum is not there, or does not fit.
    pub(super) fn apply(self, balance: U256) -> Option<U256> {
        if self.negative { balance.checked_sub(self.amount) } else { balance.checked_add(self.amount) }
    }
}

/// Code of an account, or what it had and has no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) hash: B256,
    pub(super) size: u32,
    pub(super) delegation: Option<Bytecode>,
}

/// What a transaction did to an account, beside its storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AccountWrite {
    /// It is gone, its storage too.
    Destroyed,
    /// It was touched.
    Changed {
        /// It was created, or created anew: storage of before is gone.
        created: bool,
        /// Of its balance.
        delta: Delta,
        /// If it changed.
        nonce: Option<u64>,
        /// If it changed.
        code: Option<Box<Code>>,
    },
}

impl AccountWrite {
    /// Money that came or went, nothing else.
    pub(super) fn paid(delta: Delta) -> Self {
        Self::Changed { created: false, delta, nonce: None, code: None }
    }

    /// Whether all that happened is that money came in.
    pub(super) fn is_credit(&self) -> bool {
        matches!(self, Self::Changed { created: false, delta, nonce: None, code: None } if !delta.negative)
    }

    /// Whether a balance allows it.
    pub(super) fn fits(&self, balance: U256) -> bool {
        match self {
            Self::Destroyed => true,
            Self::Changed { delta, .. } => delta.apply(balance).is_some(),
        }
    }

    /// What it makes of an account; `None` if the balance does not allow it.
    pub(super) fn apply(&self, before: &Value, keep_empty: bool) -> Option<Value> {
        match self {
            Self::Destroyed => Some(Value::default()),
            Self::Changed { delta, nonce, code, .. } => {
                let mut after = before.clone();
                after.balance = delta.apply(after.balance)?;
                after.nonce = nonce.unwrap_or(after.nonce);
                if let Some(code) = code {
                    after.code_hash = code.hash;
                    after.code_size = code.size;
                    after.delegation = code.delegation.clone();
                }
                after.exists = true;
                // A touched empty account is removed (EIP-161).
                Some(if after.is_empty() && !keep_empty { Value::default() } else { after })
            }
        }
    }
}

/// What a transaction demands of a balance, to come out the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// At least so much.
    AtLeast(U256),
    /// Exactly what it found.
    Exactly,
}

/// What a transaction found of an account.
#[derive(Clone, Debug)]
pub(super) struct AccountRead {
    pub(super) cell: u32,
    /// As long as the account has changed so often, it is as it was found.
    pub(super) changes: Option<u32>,
    pub(super) code_hash: B256,
    pub(super) balance: U256,
    pub(super) need: Need,
    pub(super) nonce: u64,
    /// Whether the nonce matters.
    pub(super) nonce_matters: bool,
    /// Whether it matters that the account is there, and that it is empty.
    pub(super) presence: Option<(bool, bool)>,
}

impl AccountRead {
    /// Whether the transaction would have come out the same on `value`.
    pub(super) fn holds(&self, value: &Value) -> bool {
        self.code_hash == value.code_hash
            && (!self.nonce_matters || self.nonce == value.nonce)
            && self.presence.is_none_or(|found| found == (value.exists, value.is_empty()))
            && match self.need {
                Need::AtLeast(least) => value.balance >= least,
                Need::Exactly => value.balance == self.balance,
            }
    }
}
