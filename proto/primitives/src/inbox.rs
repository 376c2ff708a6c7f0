//! The settlement inbox: transactions that the sequencer must include, and deposits.
//!
//! Items are numbered from 0 without gaps; an accumulator binds their content
//! and order: `acc_0 = 0`, `acc_{i+1} = keccak256(acc_i || keccak256(item_i))`.
//! An item that is not a valid transaction when its turn comes is skipped
//! without effect, and a deposit cannot fail, so that nothing can block the
//! queue.

use alloy_primitives::{B256, Bytes, keccak256};

use crate::codec::{DecodeError, Reader};
use crate::deposit::{DEPOSIT_TYPE, Deposit};
use crate::limits::MAX_TRANSACTION_BYTES;

/// One item of the inbox, as the settlement log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxItem {
    /// Position in the queue, from 0.
    pub index: u64,
    /// When the settlement log took it, in milliseconds of Unix time.
    pub time_ms: u64,
    /// What it is.
    pub content: Content,
}

/// What an inbox item is. Told apart by the first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A signed transaction, EIP-2718 bytes.
    Transaction(Bytes),
    /// Value from an account of settlement.
    Deposit(Deposit),
}

impl Content {
    /// The transaction's bytes, or [`Deposit::encode`].
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Transaction(bytes) => bytes.clone(),
            Self::Deposit(deposit) => deposit.encode().into(),
        }
    }

    /// Inverse of [`Content::encode`]. A transaction is judged when its turn comes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.first() == Some(&DEPOSIT_TYPE) {
            return Deposit::decode(bytes).map(Self::Deposit);
        }
        if bytes.len() > MAX_TRANSACTION_BYTES {
            return Err(DecodeError::TooLarge {
                field: "inbox transaction",
                value: bytes.len() as u64,
                limit: MAX_TRANSACTION_BYTES as u64,
            });
        }
        Ok(Self::Transaction(Bytes::copy_from_slice(bytes)))
    }
}

impl InboxItem {
    /// `index (8) || time_ms (8) || content`, big-endian.
    pub fn encode(&self) -> Vec<u8> {
        let content = self.content.encode();
        let mut out = Vec::with_capacity(16 + content.len());
        out.extend_from_slice(&self.index.to_be_bytes());
        out.extend_from_slice(&self.time_ms.to_be_bytes());
        out.extend_from_slice(&content);
        out
    }

    /// Inverse of [`InboxItem::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let index = reader.u64("inbox index")?;
        let time_ms = reader.u64("inbox time")?;
        let len = reader.remaining();
        let content = Content::decode(reader.take("inbox content", len)?)?;
        Ok(Self { index, time_ms, content })
    }

    /// keccak256 of the encoding.
    pub fn hash(&self) -> B256 {
        keccak256(self.encode())
    }
}

/// The accumulator after `item`, given the one before it.
pub fn accumulate(acc: B256, item: &InboxItem) -> B256 {
    keccak256([acc.0, item.hash().0].concat())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, b256};

    #[test]
    fn golden() {
        let content = Content::Transaction(Bytes::from_static(&[1, 2, 3]));
        let item = InboxItem { index: 7, time_ms: 1_700_000_000_000, content };
        assert_eq!(InboxItem::decode(&item.encode()).unwrap(), item);
        assert_eq!(
            accumulate(B256::ZERO, &item),
            b256!("b1546d477d4fd5374ca1dd7472278fb6e0294869219a85e0b07bc0287704118c")
        );
        assert!(InboxItem::decode(&[0; 15]).is_err());
    }

    #[test]
    fn a_deposit_is_told_by_its_first_byte() {
        let signer = crate::Signer::from_bytes([3; 32]).unwrap();
        let deposit = Deposit::sign(B256::ZERO, &signer, 0, Address::repeat_byte(7), 1);
        let item = InboxItem { index: 0, time_ms: 0, content: Content::Deposit(deposit) };
        assert_eq!(InboxItem::decode(&item.encode()).unwrap(), item);
        // Cut or longer it is nothing, least of all a transaction.
        let bytes = item.encode();
        assert!(InboxItem::decode(&bytes[..bytes.len() - 1]).is_err());
        assert!(InboxItem::decode(&[&bytes[..], &[0]].concat()).is_err());
    }
}
