//! Why a transaction is not taken. The words are those that Ethereum's clients look for.

use weft_primitives::U256;
use weft_primitives::transaction::TransactionError;
use weft_wire::RemoteError;

/// Why a transaction is not taken into the pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// Not a transaction of this chain.
    #[error("{0}")]
    Transaction(#[from] TransactionError),
    /// It waits already.
    #[error("already known")]
    AlreadyKnown,
    /// The nonce was used.
    #[error("nonce too low: next nonce {next}, tx nonce {got}")]
    NonceTooLow {
        /// In the transaction.
        got: u64,
        /// The account's.
        next: u64,
    },
    /// The nonce is too far ahead.
    #[error("nonce too high: tx nonce {got} is more than mempool.max_nonce_gap = {limit} ahead of {next}")]
    NonceTooFar {
        /// In the transaction.
        got: u64,
        /// The account's.
        next: u64,
        /// The limit.
        limit: u64,
    },
    /// It would have to wait for others of its sender, and was not to.
    #[error("nonce gap: tx nonce {got}, the next one is {expected}")]
    NonceGap {
        /// In the transaction.
        got: u64,
        /// That of the sender's next one, waiting ones counted.
        expected: u64,
    },
    /// The sender cannot pay for it and for what waits before it.
    #[error("insufficient funds for gas * price + value: balance {balance}, needed {needed}")]
    InsufficientFunds {
        /// The account's, in wei.
        balance: U256,
        /// In wei, with the sender's other waiting transactions.
        needed: U256,
    },
    /// It can never be in a block, however low the base fee falls.
    #[error("max fee per gas less than block base fee: maxFeePerGas {got}, the chain's lowest base fee {floor}")]
    FeeTooLow {
        /// In the transaction, in wei.
        got: u128,
        /// The floor, in wei.
        floor: u64,
    },
    /// The tip is above the fee cap.
    #[error("max priority fee per gas higher than max fee per gas")]
    TipAboveFeeCap,
    /// Too little gas for any execution.
    #[error("intrinsic gas too low: gas {got}, minimum needed {needed}")]
    IntrinsicGas {
        /// In the transaction.
        got: u64,
        /// The least.
        needed: u64,
    },
    /// More gas than a transaction may have.
    #[error("exceeds block gas limit: gas {got}, the limit for one transaction is {limit}")]
    GasLimit {
        /// In the transaction.
        got: u64,
        /// The most.
        limit: u64,
    },
    /// Another transaction has the nonce and pays as much.
    #[error(
        "replacement transaction underpriced: both fees must rise by {bump_percent} % (mempool.price_bump_percent)"
    )]
    ReplacementUnderpriced {
        /// The least rise.
        bump_percent: u128,
    },
    /// No chain id in the signature.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC (mempool.allow_unprotected)")]
    Unprotected,
    /// The sender has too many waiting.
    #[error("{limit} transactions of this sender wait (mempool.max_per_sender)")]
    SenderFull {
        /// The limit.
        limit: usize,
    },
    /// The pool is full of better paid ones.
    #[error("txpool is full: {key} = {limit}, and every waiting transaction pays as much")]
    Full {
        /// Which limit.
        key: &'static str,
        /// Its value.
        limit: usize,
    },
    /// Data availability or settlement is behind.
    #[error("the sequencer takes no transactions for the moment: {0}")]
    Backpressure(String),
    /// The node failed or is stopping.
    #[error("the sequencer is not available: {0}")]
    Unavailable(String),
    /// The node follows, and was told of no sequencer.
    #[error(
        "this node follows the chain and takes no transactions: send them to the sequencer, or start the node with \
         --sequencer URL"
    )]
    Follower,
    /// The sequencer to which this node hands transactions on said so, or could not be reached.
    #[error("{message}")]
    Forwarded {
        /// Its gRPC code.
        code: tonic::Code,
        /// Its words.
        message: String,
    },
}

impl PoolError {
    /// What the sequencer answered.
    pub(crate) fn forwarded(error: RemoteError) -> Self {
        // Its own words alone are what clients look for; an outage is explained.
        let message = if error.is_retryable() { format!("sequencer: {error}") } else { error.message };
        Self::Forwarded { code: error.code, message }
    }

    /// Stable, UPPER_SNAKE_CASE.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Transaction(TransactionError::WrongChainId { .. }) => "WRONG_CHAIN",
            Self::Transaction(TransactionError::InvalidSignature) => "BAD_SIGNATURE",
            Self::Transaction(TransactionError::BlobTransaction) => "BLOB_TRANSACTION",
            Self::Transaction(TransactionError::TooLarge { .. }) => "TRANSACTION_TOO_LARGE",
            Self::Transaction(TransactionError::Malformed(_)) => "MALFORMED",
            Self::AlreadyKnown => "ALREADY_KNOWN",
            Self::NonceTooLow { .. } => "NONCE_TOO_LOW",
            Self::NonceTooFar { .. } => "NONCE_TOO_HIGH",
            Self::NonceGap { .. } => "NONCE_GAP",
            Self::InsufficientFunds { .. } => "INSUFFICIENT_FUNDS",
            Self::FeeTooLow { .. } => "FEE_TOO_LOW",
            Self::TipAboveFeeCap => "TIP_ABOVE_FEE_CAP",
            Self::IntrinsicGas { .. } => "INTRINSIC_GAS",
            Self::GasLimit { .. } => "GAS_LIMIT",
            Self::ReplacementUnderpriced { .. } => "REPLACEMENT_UNDERPRICED",
            Self::Unprotected => "UNPROTECTED",
            Self::SenderFull { .. } => "SENDER_FULL",
            Self::Full { .. } => "POOL_FULL",
            Self::Backpressure(_) => "BACKPRESSURE",
            Self::Unavailable(_) => "UNAVAILABLE",
            Self::Follower => "FOLLOWER",
            Self::Forwarded { .. } => "FORWARDED",
        }
    }
}
