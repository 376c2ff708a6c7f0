//! Signed Ethereum transactions, decoded once and carried with their sender and their exact bytes.
//!
//! Types 0 (legacy), 1 (EIP-2930), 2 (EIP-1559) and 4 (EIP-7702). Blob
//! transactions (type 3, EIP-4844) are refused: Weft has its own data
//! availability.

use alloy_consensus::transaction::SignerRecoverable;
use alloy_consensus::{EthereumTxEnvelope, Transaction as _, TxEip4844};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes};

use crate::limits::MAX_TRANSACTION_BYTES;

/// Any Ethereum transaction with its signature.
pub type Envelope = EthereumTxEnvelope<TxEip4844>;

/// A transaction whose signature was checked: sender recovered, chain id right.
#[derive(Clone, Debug)]
pub struct Transaction {
    envelope: Envelope,
    sender: Address,
    raw: Bytes,
}

/// Why bytes are not a transaction of this chain.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum TransactionError {
    /// Above [`MAX_TRANSACTION_BYTES`].
    #[error("transaction of {len} bytes is above the limit of {MAX_TRANSACTION_BYTES} bytes")]
    TooLarge {
        /// Its length.
        len: usize,
    },
    /// Not a canonical EIP-2718 transaction.
    #[error("not a valid EIP-2718 transaction: {0}")]
    Malformed(String),
    /// EIP-4844.
    #[error("blob transactions (type 3, EIP-4844) are not supported: publish data with `weft blob put` instead")]
    BlobTransaction,
    /// Signed for another chain.
    #[error("transaction is for chain id {got}, this chain is {want}")]
    WrongChainId {
        /// In the transaction.
        got: u64,
        /// Of this chain.
        want: u64,
    },
    /// No sender can be recovered, or `s` is in the upper half (EIP-2).
    #[error("invalid transaction signature")]
    InvalidSignature,
}

impl Transaction {
    /// Decodes EIP-2718 bytes and recovers the sender (about 40 us).
    ///
    /// Accepts legacy transactions without a chain id (before EIP-155), as
    /// Ethereum does; see [`Transaction::is_replay_protected`].
    pub fn decode(raw: Bytes, chain_id: u64) -> Result<Self, TransactionError> {
        // Before the length: with its blobs such a transaction is always too long, which would not say why.
        if raw.first() == Some(&3) {
            return Err(TransactionError::BlobTransaction);
        }
        if raw.len() > MAX_TRANSACTION_BYTES {
            return Err(TransactionError::TooLarge { len: raw.len() });
        }
        let envelope =
            Envelope::decode_2718_exact(&raw).map_err(|error| TransactionError::Malformed(error.to_string()))?;
        if let Some(got) = envelope.chain_id().filter(|id| *id != chain_id) {
            return Err(TransactionError::WrongChainId { got, want: chain_id });
        }
        let sender = envelope.recover_signer().map_err(|_| TransactionError::InvalidSignature)?;
        Ok(Self { envelope, sender, raw })
    }

    /// A transaction whose sender was recovered before, as from a node's own store; nothing but the form is checked.
    pub fn with_sender(raw: Bytes, sender: Address) -> Result<Self, TransactionError> {
        let envelope =
            Envelope::decode_2718_exact(&raw).map_err(|error| TransactionError::Malformed(error.to_string()))?;
        Ok(Self { envelope, sender, raw })
    }

    /// The decoded transaction.
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Who signed it.
    pub const fn sender(&self) -> Address {
        self.sender
    }

    /// The EIP-2718 bytes, exactly as received.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// keccak256 of [`Transaction::raw`].
    pub fn hash(&self) -> B256 {
        *self.envelope.tx_hash()
    }

    /// The sender's nonce in it.
    pub fn nonce(&self) -> u64 {
        self.envelope.nonce()
    }

    /// Whether the signature binds the chain id (EIP-155 and all typed transactions).
    pub fn is_replay_protected(&self) -> bool {
        self.envelope.chain_id().is_some()
    }

    /// EIP-2718 type: 0, 1, 2 or 4.
    pub fn transaction_type(&self) -> u8 {
        self.envelope.tx_type().into()
    }
}

/// The EIP-2718 bytes of a signed envelope, for those who build transactions.
pub fn encode(envelope: &Envelope) -> Bytes {
    envelope.encoded_2718().into()
}
