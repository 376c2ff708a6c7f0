//! Value between settlement and the rollup: funded accounts, deposits into escrow, claims out of it.
//!
//! ```text
//! fund ──► account ── deposit ──► escrow ── claim ──► account
//!                        │                    ▲
//!                        ▼ inbox              │ proof against a final root
//!                      rollup ── withdrawals contract
//! ```
//!
//! Always `funded = all accounts + escrow` and `escrow = deposits - claims`.
//! Accounts are many, so that the machine holds the totals alone; the account
//! in question is an input, and comes back as an effect.

use weft_primitives::chain::MAX_SUPPLY;
use weft_primitives::inbox::Content;
use weft_primitives::signer::SignatureError;
use weft_primitives::withdrawal::{Claim, Summary};
use weft_primitives::{Address, Deposit, Funding};

use super::{Chain, Effect, InboxReceipt, InboxRefusal, Record, Status};
use crate::log::Event;

/// Sums over all accounts, claims and deposits, in wei.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Fundings so far; the next has this number.
    pub fundings: u64,
    /// Ever funded.
    pub funded: u128,
    /// Ever deposited.
    pub deposited: u128,
    /// Deposited and not claimed back.
    pub escrow: u128,
}

impl Totals {
    /// Ever claimed.
    pub const fn claimed(&self) -> u128 {
        self.deposited.saturating_sub(self.escrow)
    }

    /// What all accounts hold together.
    pub const fn accounts(&self) -> u128 {
        self.funded.saturating_sub(self.escrow)
    }
}

/// An account of settlement. One that does not exist is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Whose key moves it.
    pub address: Address,
    /// In wei.
    pub balance: u128,
    /// Deposits so far; the next has this nonce.
    pub nonce: u64,
}

impl Account {
    /// One without anything.
    pub const fn empty(address: Address) -> Self {
        Self { address, balance: 0, nonce: 0 }
    }
}

/// A withdrawal that was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Its place in the withdrawals tree.
    pub index: u64,
    /// Sequence number of the log entry that paid it.
    pub log_seq: u64,
}

/// What the machine has to look up to judge a claim, as of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimFacts {
    /// The canonical commitment at the claim's batch.
    pub commitment: Option<Record>,
    /// The log entry that has paid this withdrawal before.
    pub paid: Option<u64>,
    /// The recipient's account.
    pub recipient: Account,
}

/// An account was credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credited {
    /// Its balance now, in wei.
    pub balance: u128,
    /// Sequence number of the log entry.
    pub log_seq: u64,
}

/// Why value does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BridgeRefusal {
    /// No signer.
    #[error("signature: {0}")]
    BadSignature(#[from] SignatureError),
    /// Signed by someone else.
    #[error("signed by another key than that of {want}")]
    WrongSigner {
        /// Whose signature is wanted.
        want: Address,
    },
    /// Nobody may fund accounts here.
    #[error("this chain has no admin, and nobody else funds accounts")]
    NoAdmin,
    /// A number that was used before, or one that skips some.
    #[error("the next number is {next}, not {got}")]
    WrongNonce {
        /// In the request.
        got: u64,
        /// The next.
        next: u64,
    },
    /// Nothing to move.
    #[error("the amount is zero")]
    Nothing,
    /// More than there may ever be.
    #[error("the rollup's supply would reach 2^128 wei")]
    Supply,
    /// The account has less.
    #[error("the account has {balance} wei, less than {wanted}")]
    InsufficientBalance {
        /// What it has.
        balance: u128,
        /// What it would take.
        wanted: u128,
    },
    /// The inbox takes no deposit.
    #[error("{limit} inbox items wait for the sequencer (max_inbox_queue); try again later")]
    InboxFull {
        /// The limit.
        limit: u64,
    },
    /// Not proved against anything final.
    #[error("batch {0} is not final")]
    NotFinal(u64),
    /// The proof leads to another root.
    #[error("the proof does not lead to the withdrawals root of batch {0}")]
    WrongProof(u64),
    /// Paid before.
    #[error("the withdrawal was paid before, by log entry {0}")]
    AlreadyClaimed(u64),
    /// More was withdrawn than ever deposited: from what was there at genesis.
    #[error("escrow holds {escrow} wei, less than {wanted}: the claim can be paid once more was deposited")]
    InsufficientEscrow {
        /// What it holds.
        escrow: u128,
        /// What it would take.
        wanted: u128,
    },
}

impl BridgeRefusal {
    /// The stable reason in UPPER_SNAKE_CASE.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::BadSignature(_) => "BAD_SIGNATURE",
            Self::WrongSigner { .. } => "WRONG_SIGNER",
            Self::NoAdmin => "NO_ADMIN",
            Self::WrongNonce { .. } => "WRONG_NONCE",
            Self::Nothing => "NOTHING",
            Self::Supply => "SUPPLY",
            Self::InsufficientBalance { .. } => "INSUFFICIENT_BALANCE",
            Self::InboxFull { .. } => "INBOX_FULL",
            Self::NotFinal(_) => "NOT_FINAL",
            Self::WrongProof(_) => "WRONG_PROOF",
            Self::AlreadyClaimed(_) => "ALREADY_CLAIMED",
            Self::InsufficientEscrow { .. } => "INSUFFICIENT_ESCROW",
        }
    }
}

impl Chain {
    /// Credits an account, on the admin's word. `account` is the one that is credited.
    pub fn fund(
        &mut self,
        now_ms: u64,
        funding: &Funding,
        account: Account,
        out: &mut Vec<Effect>,
    ) -> Result<Credited, BridgeRefusal> {
        let want = self.rules.terms.admin.ok_or(BridgeRefusal::NoAdmin)?;
        if funding.signer(self.rules.config_hash)? != want {
            return Err(BridgeRefusal::WrongSigner { want });
        }
        in_turn(funding.number, self.head.bridge.fundings)?;
        let funded = self.head.bridge.funded.checked_add(nonzero(funding.amount)?).ok_or(BridgeRefusal::Supply)?;
        // Below what was ever funded, so it cannot overflow.
        let balance = account.balance.saturating_add(funding.amount);
        let log_seq = self.append(now_ms, Event::Funding(*funding), out);
        self.head.bridge.fundings += 1;
        self.head.bridge.funded = funded;
        out.push(Effect::Account(Account { address: funding.account, balance, ..account }));
        Ok(Credited { balance, log_seq })
    }

    /// Moves value of an account into escrow, and puts the deposit into the inbox. `account` is the one that pays.
    pub fn deposit(
        &mut self,
        now_ms: u64,
        deposit: &Deposit,
        account: Account,
        out: &mut Vec<Effect>,
    ) -> Result<InboxReceipt, BridgeRefusal> {
        if !deposit.check(self.rules.config_hash)? {
            return Err(BridgeRefusal::WrongSigner { want: deposit.account });
        }
        in_turn(deposit.nonce, account.nonce)?;
        let wanted = nonzero(deposit.amount)?;
        let insufficient = BridgeRefusal::InsufficientBalance { balance: account.balance, wanted };
        let balance = account.balance.checked_sub(wanted).ok_or(insufficient)?;
        let deposited = self.head.bridge.deposited.checked_add(wanted);
        let supply = deposited.and_then(|deposited| deposited.checked_add(self.rules.genesis_supply));
        let (Some(deposited), true) = (deposited, supply.is_some_and(|supply| supply < MAX_SUPPLY)) else {
            return Err(BridgeRefusal::Supply);
        };
        let receipt = self.queue(now_ms, Content::Deposit(*deposit), out).map_err(|refusal| match refusal {
            InboxRefusal::Full { limit } => BridgeRefusal::InboxFull { limit },
            InboxRefusal::BadTransaction(_) => BridgeRefusal::Nothing,
        })?;
        self.head.bridge.deposited = deposited;
        // At most what was deposited.
        self.head.bridge.escrow = self.head.bridge.escrow.saturating_add(wanted);
        out.push(Effect::Account(Account { address: deposit.account, balance, nonce: account.nonce + 1 }));
        Ok(receipt)
    }

    /// Pays a withdrawal out of escrow to the account that it names, once.
    pub fn claim(
        &mut self,
        now_ms: u64,
        claim: &Claim,
        facts: &ClaimFacts,
        out: &mut Vec<Effect>,
    ) -> Result<Credited, BridgeRefusal> {
        let batch_index = claim.batch_index;
        let commitment = facts
            .commitment
            .as_ref()
            .filter(|record| record.status == Status::Finalized && record.signed.header.batch_index == batch_index);
        let header = &commitment.ok_or(BridgeRefusal::NotFinal(batch_index))?.signed.header;
        if !claim.holds(Summary { count: header.withdrawals_count, root: header.withdrawals_root }) {
            return Err(BridgeRefusal::WrongProof(batch_index));
        }
        if let Some(log_seq) = facts.paid {
            return Err(BridgeRefusal::AlreadyClaimed(log_seq));
        }
        let (escrow, wanted) = (self.head.bridge.escrow, claim.withdrawal.amount);
        let left = escrow.checked_sub(wanted).ok_or(BridgeRefusal::InsufficientEscrow { escrow, wanted })?;
        // Below what was ever funded, so it cannot overflow.
        let balance = facts.recipient.balance.saturating_add(wanted);
        let log_seq = self.append(now_ms, Event::Claim(Box::new(*claim)), out);
        self.head.bridge.escrow = left;
        out.push(Effect::Account(Account { address: claim.withdrawal.recipient, balance, ..facts.recipient }));
        out.push(Effect::Claimed(Claimed { index: claim.withdrawal.index, log_seq }));
        Ok(Credited { balance, log_seq })
    }
}

const fn in_turn(got: u64, next: u64) -> Result<(), BridgeRefusal> {
    if got == next { Ok(()) } else { Err(BridgeRefusal::WrongNonce { got, next }) }
}

const fn nonzero(amount: u128) -> Result<u128, BridgeRefusal> {
    if amount == 0 { Err(BridgeRefusal::Nothing) } else { Ok(amount) }
}
