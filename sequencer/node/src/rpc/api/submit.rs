//! Sending transactions: `eth_sendRawTransaction`, and `eth_sendRawTransactionSync` (EIP-7966).
//!
//! The hash that the first returns is no confirmation; the receipt that the second returns is: its block is durable.

use std::time::Duration;

use alloy_primitives::{B256, Bytes};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use serde_json::Value;
use tonic::Code;
use weft_primitives::transaction::TransactionError;

use super::Context;
use crate::admission::Gap;
use crate::mempool::PoolError;
use crate::rpc::convert::RpcReceipt;
use crate::rpc::error::RpcError;

/// How long a client waits that does not say (EIP-7966 recommends it).
const DEFAULT_SYNC_TIMEOUT_MS: u64 = 2_000;

/// Sending.
#[rpc(server, namespace = "eth")]
pub trait Submit {
    /// Puts a signed transaction into the pool; its hash.
    #[method(name = "sendRawTransaction")]
    async fn send(&self, raw: Bytes) -> Result<B256, RpcError>;

    /// The same, and waits for the receipt. The timeout is in milliseconds, a number or a hexadecimal string.
    #[method(name = "sendRawTransactionSync")]
    async fn send_sync(&self, raw: Bytes, timeout_ms: Option<Value>) -> Result<RpcReceipt, RpcError>;
}

/// What a client wants to wait; what is no positive number means the default.
fn timeout_ms(given: Option<&Value>, most: u64) -> u64 {
    let parse = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    let wanted = given.and_then(|value| value.as_u64().or_else(|| value.as_str().and_then(parse)));
    wanted.filter(|wanted| *wanted > 0).unwrap_or(DEFAULT_SYNC_TIMEOUT_MS).min(most)
}

impl From<PoolError> for RpcError {
    /// In the words that wallets look for.
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Transaction(TransactionError::BlobTransaction) => {
                Self::Refused(format!("transaction type not supported: {error}"))
            }
            PoolError::Transaction(TransactionError::WrongChainId { got, want }) => {
                Self::Refused(format!("invalid chain id for signer: have {got} want {want}"))
            }
            PoolError::Transaction(TransactionError::InvalidSignature) => {
                Self::Refused(format!("invalid sender: {error}"))
            }
            PoolError::Transaction(TransactionError::TooLarge { .. }) => {
                Self::Refused(format!("oversized data: {error}"))
            }
            PoolError::Forwarded { code: Code::ResourceExhausted, message } => Self::Busy(message),
            PoolError::SenderFull { .. } | PoolError::Full { .. } | PoolError::Backpressure(_) => {
                Self::Busy(error.to_string())
            }
            other => Self::Refused(other.to_string()),
        }
    }
}

impl Context {
    /// Puts a transaction into the pool whose sender wants to wait for its receipt: at once or not at all (EIP-7966,
    /// errors 5 and 6).
    async fn submit_sync(&self, raw: Bytes) -> Result<B256, RpcError> {
        let hash = alloy_primitives::keccak256(&raw);
        match self.backend.submit(raw, Gap::Refuse).await {
            // It waits already: so does the caller.
            Err(PoolError::AlreadyKnown) => Ok(hash),
            Err(PoolError::NonceGap { got, expected }) => Err(RpcError::SyncNonceGap { transaction: got, expected }),
            Err(
                error @ (PoolError::Backpressure(_)
                | PoolError::Unavailable(_)
                | PoolError::Follower
                | PoolError::Forwarded { code: Code::Unavailable | Code::ResourceExhausted, .. }
                | PoolError::Full { .. }
                | PoolError::SenderFull { .. }),
            ) => Err(RpcError::SyncNotReady { hash, why: error.to_string() }),
            result => Ok(result?),
        }
    }
}

#[async_trait]
impl SubmitServer for Context {
    async fn send(&self, raw: Bytes) -> Result<B256, RpcError> {
        Ok(self.backend.submit(raw, Gap::Wait).await?)
    }

    async fn send_sync(&self, raw: Bytes, timeout: Option<Value>) -> Result<RpcReceipt, RpcError> {
        let waited_ms = timeout_ms(timeout.as_ref(), self.config().sync_timeout_max_ms);
        let hash = self.submit_sync(raw).await?;
        let included = self.backend.wait_included(hash, Duration::from_millis(waited_ms)).await;
        match included {
            Ok(true) => {
                let receipt = self.read(move |inner| inner.receipt(&hash)).await?;
                receipt.ok_or_else(|| RpcError::internal("an announced transaction has no receipt"))
            }
            Ok(false) => Err(RpcError::SyncTimeout { hash, waited_ms }),
            // It is in the pool; only this caller cannot wait.
            Err(error) => Err(RpcError::Busy(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn timeouts() {
        let most = 10_000;
        for (given, wanted) in [
            (json!(500), 500),
            (json!("0x1f4"), 500),
            (json!("500"), 500),
            (json!(99_999), most),
            (json!("0xffffffffffffffff"), most),
            (json!(0), DEFAULT_SYNC_TIMEOUT_MS),
            (json!(-1), DEFAULT_SYNC_TIMEOUT_MS),
            (json!("soon"), DEFAULT_SYNC_TIMEOUT_MS),
            (json!({}), DEFAULT_SYNC_TIMEOUT_MS),
        ] {
            assert_eq!(timeout_ms(Some(&given), most), wanted, "{given}");
        }
        assert_eq!(timeout_ms(None, most), DEFAULT_SYNC_TIMEOUT_MS);
        assert_eq!(timeout_ms(None, 100), 100);
    }
}
