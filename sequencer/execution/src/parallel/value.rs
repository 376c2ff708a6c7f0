//! What an account is, what a transaction read of it, and what it did to it.
//!
//! Balances are never written, only moved: a transaction adds or takes away.
//! What it demands of the balance it found is at most a bound, unless it looked
//! at the figure itself. So payments to one account, fees above all, do not
//! depend on each other.

use alloy_primitives::{B256, KECCAK256_EMPTY, U256};
use revm::bytecode::Bytecode;
use weft_state::{Account, StoredAccount};

/// An account at some point of the block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// Before EIP-161 an account may be there and empty.
    pub(super) exists: bool,
    pub(super) balance: U256,
    pub(super) nonce: u64,
    /// `None` if there is none. Apart, because most accounts have none.
    pub(super) code: Option<Box<Code>>,
}

/// Code of an account, or what it had and has no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) hash: B256,
    pub(super) size: u32,
    /// Only of delegations (EIP-7702): other code is found by its hash.
    pub(super) delegation: Option<Bytecode>,
}

impl From<Option<StoredAccount>> for Value {
    fn from(stored: Option<StoredAccount>) -> Self {
        let Some(StoredAccount { account, delegation }) = stored else { return Self::default() };
        let code = (account.code_hash != KECCAK256_EMPTY).then(|| {
            let delegation = delegation.map(Bytecode::new_eip7702);
            Box::new(Code { hash: account.code_hash, size: account.code_size, delegation })
        });
        Self { exists: true, balance: account.balance, nonce: account.nonce, code }
    }
}

/// What a write made of an account.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Applied {
    /// It is other than before, storage apart.
    pub(super) changed: bool,
    /// Its storage of before is gone.
    pub(super) wiped: bool,
}

impl Value {
    #[inline]
    pub(super) fn code_hash(&self) -> B256 {
        self.code.as_ref().map_or(KECCAK256_EMPTY, |code| code.hash)
    }

    #[inline]
    pub(super) fn delegation(&self) -> Option<&Bytecode> {
        self.code.as_ref()?.delegation.as_ref()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && self.code.is_none()
    }

    /// Whether a transaction of this sender is valid: it has no code, but for a delegation (EIP-3607).
    #[inline]
    pub(super) fn may_send(&self) -> bool {
        self.code.is_none() || self.delegation().is_some()
    }

    /// As the state has it.
    pub(super) fn stored(&self) -> Option<Account> {
        let Self { exists, balance, nonce, .. } = *self;
        let code_size = self.code.as_ref().map_or(0, |code| code.size);
        exists.then(|| Account { nonce, balance, code_hash: self.code_hash(), code_size })
    }

    /// Does what most transactions do to an account. False, and nothing is done, where anything about it is special.
    #[inline]
    pub(super) fn moved(&mut self, delta: Delta, nonce: Option<u64>) -> bool {
        let Some(balance) = delta.apply(self.balance) else { return false };
        let ordinary = self.exists && !balance.is_zero() && (nonce.is_some() || balance != self.balance);
        if ordinary {
            self.balance = balance;
            self.nonce = nonce.unwrap_or(self.nonce);
        }
        ordinary
    }

    /// Pays, and is one transaction further. It is not left empty.
    #[inline]
    pub(super) fn pay(&mut self, balance: U256) {
        self.balance = balance;
        self.nonce += 1;
    }

    /// Is paid. It has no code, and is not left empty.
    #[inline]
    pub(super) fn receive(&mut self, balance: U256) {
        self.balance = balance;
        self.exists = true;
    }

    /// Does what a transaction did. `None`, and nothing is done, if the balance does not allow it.
    #[inline]
    pub(super) fn apply(&mut self, write: &AccountWrite, keep_empty: bool) -> Option<Applied> {
        let AccountWrite::Changed { created, delta, nonce, code } = write else {
            *self = Self::default();
            return Some(Applied { changed: true, wiped: true });
        };
        let balance = delta.apply(self.balance)?;
        let existed = self.exists;
        let mut changed = balance != self.balance;
        (self.exists, self.balance) = (true, balance);
        if let Some(nonce) = *nonce {
            changed |= nonce != self.nonce;
            self.nonce = nonce;
        }
        if let Some(code) = code
            && code.hash != self.code_hash()
        {
            changed = true;
            self.code = (code.hash != KECCAK256_EMPTY).then(|| code.clone());
        }
        // A touched empty account is removed (EIP-161).
        if self.is_empty() && !keep_empty {
            *self = Self::default();
        }
        let removed = existed && !self.exists;
        Some(Applied { changed: changed || existed != self.exists, wiped: *created || removed })
    }
}

/// A sum that was added or taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Delta {
    pub(super) amount: U256,
    pub(super) negative: bool,
}

impl Delta {
    #[inline]
    pub(super) fn credit(amount: U256) -> Self {
        Self { amount, negative: false }
    }

    #[inline]
    pub(super) fn debit(amount: U256) -> Self {
        Self { amount, negative: true }
    }

    #[inline]
    pub(super) fn between(before: U256, after: U256) -> Self {
        if after < before { Self::debit(before - after) } else { Self::credit(after - before) }
    }

    /// `None` if the sum is not there, or does not fit.
    #[inline]
    pub(super) fn apply(self, balance: U256) -> Option<U256> {
        if self.negative { balance.checked_sub(self.amount) } else { balance.checked_add(self.amount) }
    }
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
    #[inline]
    pub(super) fn holds(&self, value: &Value) -> bool {
        self.code_hash == value.code_hash()
            && (!self.nonce_matters || self.nonce == value.nonce)
            && self.presence.is_none_or(|found| found == (value.exists, value.is_empty()))
            && match self.need {
                Need::AtLeast(least) => value.balance >= least,
                Need::Exactly => value.balance == self.balance,
            }
    }
}
