//! The only way into the engine: a bounded queue of requests, each with its answer.

use std::sync::Arc;

use alloy_primitives::{B256, Bytes};
use tokio::sync::{mpsc, oneshot, watch};
use weft_primitives::withdrawal::Claim;
use weft_primitives::{BatchHeader, Deposit, Funding, SignedBatch};
use weft_settlement::{
    BridgeRefusal, BrokenPromise, Chain, ChallengeRefusal, Credited, Effect, ForceRefusal, Head, InboxReceipt,
    InboxRefusal, Judgement, KeyReceipt, KeyRefusal, PostReceipt, PostRefusal, PromiseReceipt, PromiseRefusal, Sampled,
    SignedKeyChange, SignedVerdict, VerdictRefusal, VoteReceipt, VoteRefusal,
};

use crate::store::{StateWrite, StoreError};

type Reply<T, R> = oneshot::Sender<Result<T, Failure<R>>>;

pub(super) enum Command {
    Post {
        signed: Box<SignedBatch>,
        reply: Reply<PostReceipt, PostRefusal>,
    },
    Inbox {
        transaction: Bytes,
        reply: Reply<InboxReceipt, InboxRefusal>,
    },
    Sampled {
        commitment: B256,
        sampled: Sampled,
        reply: Reply<(), VerdictRefusal>,
    },
    Force {
        header: Box<BatchHeader>,
        reply: Reply<PostReceipt, ForceRefusal>,
    },
    Fund {
        funding: Funding,
        reply: Reply<Credited, BridgeRefusal>,
    },
    Deposit {
        deposit: Deposit,
        reply: Reply<InboxReceipt, BridgeRefusal>,
    },
    Claim {
        claim: Box<Claim>,
        reply: Reply<Credited, BridgeRefusal>,
    },
    Judged {
        commitment: B256,
        stf_version: u32,
        judgement: Judgement,
        state: Option<Box<StateWrite>>,
        reply: Reply<(), VerdictRefusal>,
    },
    Challenge {
        commitment: B256,
        witness_hash: B256,
        stf_version: u32,
        judgement: Judgement,
        reply: Reply<u64, ChallengeRefusal>,
    },
    ChangeKey {
        signed: Box<SignedKeyChange>,
        reply: Reply<KeyReceipt, KeyRefusal>,
    },
    BrokenPromise {
        broken: Box<BrokenPromise>,
        reply: Reply<PromiseReceipt, PromiseRefusal>,
    },
    Vote {
        signed: Box<SignedVerdict>,
        reply: Reply<VoteReceipt, VoteRefusal>,
    },
    Restore {
        transition: Box<Restored>,
        reply: Reply<(), Strays>,
    },
}

/// A transition that the log had before.
#[derive(Debug)]
pub(crate) struct Restored {
    /// Heads after it.
    pub(crate) head: Head,
    /// What it did; its entries are the log's own.
    pub(crate) effects: Vec<Effect>,
    /// The verifier's state, if it moved too.
    pub(crate) state: Option<StateWrite>,
}

/// A transition to be restored does not follow the log's newest entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log has moved on")]
pub(crate) struct Strays;

impl Command {
    /// Tells whoever asked why nothing came of it; `None`: the log may be an old copy.
    pub(super) fn fail(self, error: Option<&StoreError>) {
        fn tell<T, R>(reply: Reply<T, R>, error: Option<&StoreError>) {
            let failure = error.map_or(Failure::Behind, |error| Failure::Store(error.to_string()));
            // Whoever asked may have gone.
            drop(reply.send(Err(failure)));
        }
        match self {
            Self::Post { reply, .. } => tell(reply, error),
            Self::Inbox { reply, .. } => tell(reply, error),
            Self::Force { reply, .. } => tell(reply, error),
            Self::Fund { reply, .. } | Self::Claim { reply, .. } => tell(reply, error),
            Self::Deposit { reply, .. } => tell(reply, error),
            Self::Sampled { reply, .. } | Self::Judged { reply, .. } => tell(reply, error),
            Self::Challenge { reply, .. } => tell(reply, error),
            Self::ChangeKey { reply, .. } => tell(reply, error),
            Self::BrokenPromise { reply, .. } => tell(reply, error),
            Self::Vote { reply, .. } => tell(reply, error),
            Self::Restore { reply, .. } => tell(reply, error),
        }
    }
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure<R> {
    /// The rules refuse it.
    #[error("{0}")]
    Refused(R),
    /// Too many requests wait, or too many other services write.
    #[error("too many requests wait (max_waiting_requests); try again")]
    Busy,
    /// The database failed; whether the request was done is not known.
    #[error("the settlement database failed: {0}; try again")]
    Store(String),
    /// The log is, or may be, an old copy.
    #[error("the log is compared with its mirrors, and what is missing is restored (mirrors); try again")]
    Behind,
    /// The service is stopping.
    #[error("the settlement service is stopping")]
    Stopped,
}

/// Sends requests to the engine, and sees the chain as it was committed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EngineHandle {
    commands: mpsc::Sender<Command>,
    view: watch::Receiver<Arc<Chain>>,
}

impl EngineHandle {
    pub(super) const fn new(commands: mpsc::Sender<Command>, view: watch::Receiver<Arc<Chain>>) -> Self {
        Self { commands, view }
    }

    /// The chain as last committed.
    pub fn chain(&self) -> Arc<Chain> {
        self.view.borrow().clone()
    }

    /// Tells of every newer chain.
    pub fn watch(&self) -> watch::Receiver<Arc<Chain>> {
        self.view.clone()
    }

    /// Posts a commitment.
    pub async fn post(&self, signed: SignedBatch) -> Result<PostReceipt, Failure<PostRefusal>> {
        self.ask(|reply| Command::Post { signed: Box::new(signed), reply }).await
    }

    /// Puts a transaction into the inbox.
    pub async fn submit_inbox(&self, transaction: Bytes) -> Result<InboxReceipt, Failure<InboxRefusal>> {
        self.ask(|reply| Command::Inbox { transaction, reply }).await
    }

    /// Appends a forced batch.
    pub async fn force(&self, header: BatchHeader) -> Result<PostReceipt, Failure<ForceRefusal>> {
        self.ask(|reply| Command::Force { header: Box::new(header), reply }).await
    }

    /// Credits an account.
    pub async fn fund(&self, funding: Funding) -> Result<Credited, Failure<BridgeRefusal>> {
        self.ask(|reply| Command::Fund { funding, reply }).await
    }

    /// Moves value of an account to the rollup.
    pub async fn deposit(&self, deposit: Deposit) -> Result<InboxReceipt, Failure<BridgeRefusal>> {
        self.ask(|reply| Command::Deposit { deposit, reply }).await
    }

    /// Pays a withdrawal.
    pub async fn claim(&self, claim: Claim) -> Result<Credited, Failure<BridgeRefusal>> {
        self.ask(|reply| Command::Claim { claim: Box::new(claim), reply }).await
    }

    /// Says what sampling found.
    pub async fn sampled(&self, commitment: B256, sampled: Sampled) -> Result<(), Failure<VerdictRefusal>> {
        self.ask(|reply| Command::Sampled { commitment, sampled, reply }).await
    }

    /// Says what re-execution found, with the verifier's state after it.
    pub async fn judged(
        &self,
        commitment: B256,
        stf_version: u32,
        judgement: Judgement,
        state: Option<StateWrite>,
    ) -> Result<(), Failure<VerdictRefusal>> {
        let state = state.map(Box::new);
        self.ask(|reply| Command::Judged { commitment, stf_version, judgement, state, reply }).await
    }

    /// Takes a challenge with its outcome. Returns the sequence number of its log entry.
    pub async fn challenge(
        &self,
        commitment: B256,
        witness_hash: B256,
        stf_version: u32,
        judgement: Judgement,
    ) -> Result<u64, Failure<ChallengeRefusal>> {
        self.ask(|reply| Command::Challenge { commitment, witness_hash, stf_version, judgement, reply }).await
    }

    /// Changes the posting key.
    pub async fn change_key(&self, signed: SignedKeyChange) -> Result<KeyReceipt, Failure<KeyRefusal>> {
        self.ask(|reply| Command::ChangeKey { signed: Box::new(signed), reply }).await
    }

    /// Records a broken promise; that the commitment has the other block was shown.
    pub async fn report_promise(&self, broken: BrokenPromise) -> Result<PromiseReceipt, Failure<PromiseRefusal>> {
        self.ask(|reply| Command::BrokenPromise { broken: Box::new(broken), reply }).await
    }

    /// Takes an independent verifier's verdict.
    pub async fn vote(&self, signed: SignedVerdict) -> Result<VoteReceipt, Failure<VoteRefusal>> {
        self.ask(|reply| Command::Vote { signed: Box::new(signed), reply }).await
    }

    /// Appends a transition that the log had before.
    pub(crate) async fn restore(&self, transition: Restored) -> Result<(), Failure<Strays>> {
        self.ask(|reply| Command::Restore { transition: Box::new(transition), reply }).await
    }

    /// A full queue is refused at once, so that callers are told instead of piling up.
    async fn ask<T, R>(&self, command: impl FnOnce(Reply<T, R>) -> Command) -> Result<T, Failure<R>> {
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(command(reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Failure::Busy,
            mpsc::error::TrySendError::Closed(_) => Failure::Stopped,
        })?;
        answer.await.unwrap_or(Err(Failure::Stopped))
    }
}
