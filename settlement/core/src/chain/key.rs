//! Changing the posting key.
//!
//! The key that posts hands over by signing the new one; the chain's admin key
//! may at any time, and is the only one that may while posting is frozen:
//! a key that has equivocated or broken a promise is in nobody's or too many hands. Every change
//! opens a new epoch, so that neither it nor anything signed before can be
//! replayed after it.

use alloy_primitives::{Address, B256};
use weft_primitives::signer::SignatureError;

use super::{Chain, Effect};
use crate::log::Event;
use crate::statement::SignedKeyChange;

/// How far one commitment or key change may raise the epoch: a key that is stolen cannot use them up.
pub const MAX_EPOCH_STEP: u64 = 1 << 32;

/// The key change is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyReceipt {
    /// Sequence number of its log entry.
    pub log_seq: u64,
    /// Whether it had been made before.
    pub duplicate: bool,
}

/// Why a key change is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// For another chain.
    #[error("the key change is for chain id {got}; this chain is {want}")]
    WrongChain {
        /// In the change.
        got: u64,
        /// Of this chain.
        want: u64,
    },
    /// Made under another chain configuration.
    #[error("the key change's config hash is {got}; this chain has {want}: compare the genesis files")]
    WrongConfig {
        /// In the change.
        got: B256,
        /// Of this chain.
        want: B256,
    },
    /// Nobody's key.
    #[error("the new key's address is zero")]
    ZeroKey,
    /// No signer.
    #[error("key change signature: {0}")]
    BadSignature(#[from] SignatureError),
    /// Signed by a key that may not.
    #[error("the key change is signed by {got}; it must be signed by the posting key {posting} or the admin key")]
    UnknownSigner {
        /// Who signed.
        got: Address,
        /// Whose commitments are taken.
        posting: Address,
    },
    /// The posting key has equivocated, or broken a promise.
    #[error("posting is frozen: only the chain's admin key can change the posting key now")]
    AdminNeeded,
    /// Not above what has been.
    #[error("the key change's epoch is {got}; it must be above {current}")]
    StaleEpoch {
        /// In the change.
        got: u64,
        /// The highest so far.
        current: u64,
    },
    /// Too far above what has been.
    #[error("the key change's epoch is {got}, too far above {current}")]
    EpochAhead {
        /// In the change.
        got: u64,
        /// The highest so far.
        current: u64,
    },
}

impl KeyRefusal {
    /// The stable reason in UPPER_SNAKE_CASE.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::WrongChain { .. } => "WRONG_CHAIN",
            Self::WrongConfig { .. } => "WRONG_CONFIG",
            Self::ZeroKey => "ZERO_KEY",
            Self::BadSignature(_) => "BAD_SIGNATURE",
            Self::UnknownSigner { .. } => "UNKNOWN_SIGNER",
            Self::AdminNeeded => "ADMIN_NEEDED",
            Self::StaleEpoch { .. } => "STALE_EPOCH",
            Self::EpochAhead { .. } => "EPOCH_AHEAD",
        }
    }
}

impl Chain {
    /// Whose commitments are taken now.
    pub fn posting_key(&self) -> Address {
        self.head.posting_key.unwrap_or(self.rules.terms.sequencer)
    }

    /// Takes a key change. `known` is the log entry of this very change, if it was made before.
    pub fn change_key(
        &mut self,
        now_ms: u64,
        signed: &SignedKeyChange,
        known: Option<u64>,
        out: &mut Vec<Effect>,
    ) -> Result<KeyReceipt, KeyRefusal> {
        let (change, rules) = (&signed.change, &self.rules);
        if change.chain_id != rules.chain_id {
            return Err(KeyRefusal::WrongChain { got: change.chain_id, want: rules.chain_id });
        }
        if change.config_hash != rules.config_hash {
            return Err(KeyRefusal::WrongConfig { got: change.config_hash, want: rules.config_hash });
        }
        let signer = signed.signer()?;
        if let Some(log_seq) = known {
            return Ok(KeyReceipt { log_seq, duplicate: true });
        }
        self.may_change(signer, signed)?;
        let log_seq = self.append(now_ms, Event::KeyChange(Box::new(*signed)), out);
        self.head.posting_key = Some(change.new_key);
        self.head.epoch = change.epoch;
        self.head.frozen = false;
        Ok(KeyReceipt { log_seq, duplicate: false })
    }

    fn may_change(&self, signer: Address, signed: &SignedKeyChange) -> Result<(), KeyRefusal> {
        let (posting, current, got) = (self.posting_key(), self.head.epoch, signed.change.epoch);
        if signed.change.new_key.is_zero() {
            return Err(KeyRefusal::ZeroKey);
        }
        if self.rules.terms.admin != Some(signer) {
            if signer != posting {
                return Err(KeyRefusal::UnknownSigner { got: signer, posting });
            }
            if self.head.frozen {
                return Err(KeyRefusal::AdminNeeded);
            }
        }
        if got <= current {
            return Err(KeyRefusal::StaleEpoch { got, current });
        }
        if got - current > MAX_EPOCH_STEP {
            return Err(KeyRefusal::EpochAhead { got, current });
        }
        Ok(())
    }
}
