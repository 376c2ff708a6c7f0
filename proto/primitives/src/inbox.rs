//! The settlement inbox: transactions that the sequencer must include.
//!
//! Items are numbered from 0 without gaps; an accumulator binds their content
//! and order: `acc_0 = 0`, `acc_{i+1} = keccak256(acc_i || keccak256(item_i))`.
//! An item that is not a valid transaction when its turn comes is skipped
//! without effect, so that nothing can block the queue.

use alloy_primitives::{B256, Bytes, keccak256};

use crate::codec::{DecodeError, Reader};
use crate::limits::MAX_TRANSACTION_BYTES;

/// One item of the inbox, as the settlement log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxItem {
    /// Position in the queue, from 0.
    pub index: u64,
    /// When the settlement log took it, in milliseconds of Unix time.
    pub time_ms: u64,
    /// A signed transaction, EIP-2718 bytes.
    pub transaction: Bytes,
}

impl InboxItem {
    /// `index (8) || time_ms (8) || transaction`, big-endian.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + self.transaction.len());
        out.extend_from_slice(&self.index.to_be_bytes());
        out.extend_from_slice(&self.time_ms.to_be_bytes());
        out.extend_from_slice(&self.transaction);
        out
    }

    /// Inverse of [`InboxItem::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let index = reader.u64("inbox index")?;
        let time_ms = reader.u64("inbox time")?;
        let len = reader.remaining();
        if len > MAX_TRANSACTION_BYTES {
            return Err(DecodeError::TooLarge {
                field: "inbox transaction",
                value: len as u64,
                limit: MAX_TRANSACTION_BYTES as u64,
            });
        }
        let transaction = Bytes::copy_from_slice(reader.take("inbox transaction", len)?);
        Ok(Self { index, time_ms, transaction })
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
    use alloy_primitives::b256;

    #[test]
    fn golden() {
        let item = InboxItem { index: 7, time_ms: 1_700_000_000_000, transaction: Bytes::from_static(&[1, 2, 3]) };
        assert_eq!(InboxItem::decode(&item.encode()).unwrap(), item);
        assert_eq!(
            accumulate(B256::ZERO, &item),
            b256!("b1546d477d4fd5374ca1dd7472278fb6e0294869219a85e0b07bc0287704118c")
        );
        assert!(InboxItem::decode(&[0; 15]).is_err());
    }
}
