//! Settlement's rules, without its service: the log, and the state machine that writes it.
//!
//! [`log`] is the append-only, hash-chained record that everyone can follow:
//! its bytes and hashes. [`Chain`] decides what may be appended: it takes
//! posted commitments, inbox transactions and verdicts, refuses what breaks
//! the rules with a typed reason, and returns what is to be persisted.
//! [`Replay`] runs a finished log through the same rules again. [`statement`] is
//! what keys sign beside commitments: key changes, verifiers' verdicts.
//!
//! Deliberately absent: storage, clocks and network (what the machine may not
//! fetch arrives as input, see [`PostFacts`]), execution and sampling (their
//! verdicts are inputs).

pub mod chain;
pub mod log;
pub mod statement;

pub use chain::{
    Account, Anchor, BridgeRefusal, Chain, ChallengeRefusal, ClaimFacts, Claimed, Credited, Effect, ForceRefusal, Head,
    History, InboxReceipt, InboxRefusal, InboxRow, Judgement, KeyReceipt, KeyRefusal, Limits, LineageRefusal,
    MAX_EPOCH_STEP, MAX_VERIFIERS, Mode, Parent, PostFacts, PostReceipt, PostRefusal, PromiseFacts, PromiseReceipt,
    PromiseRefusal, Recent, Record, Rejection, Replay, ReplayError, ReplayFault, RestoreError, Rules, Sampled, Status,
    Terms, TermsError, Totals, VerdictRefusal, Vote, VoteReceipt, VoteRefusal,
};
pub use log::{
    AvailabilityVerdict, BrokenPromise, Challenge, Equivocation, Event, ExecutionVerdict, Finalized, ForcedBatch,
    LogEntry, RejectReason, Rejected,
};
pub use statement::{KeyChange, LogHead, SignedKeyChange, SignedVerdict};
