//! The one place where failures become JSON-RPC errors.
//!
//! Codes follow JSON-RPC 2.0, EIP-1474 and EIP-7966; the words are those of go-ethereum where wallets and
//! libraries match on them. What the HTTP layer itself refuses keeps the server library's codes: -32007
//! (request too large), -32008 and -32011 (answer too large), -32010 (batch too long), -32006 (subscriptions).
//!
//! | code | meaning |
//! |---|---|
//! | 3 | a call reverted; `data` is what it returned |
//! | 4, 5, 6 | `eth_sendRawTransactionSync`: not yet included, not ready, nonce gap (EIP-7966) |
//! | -32000 | refused, or not there; the message says why |
//! | -32005 | a limit was exceeded; the message names it and its configuration key |
//! | -32601 | no such method here |
//! | -38010 to -38026 | `eth_simulateV1`: those of its specification |
//! | -32602 | parameters that make no sense |
//! | -32603 | a defect or a failing disk of this node |

use alloy_primitives::{B256, Bytes, U64};
use jsonrpsee::types::ErrorObjectOwned;
use weft_execution::simulate::blocks::SimulationError;
use weft_execution::simulate::{EstimateError, SimulateError};
use weft_execution::trace::TraceError;

use super::revert;

/// A call reverted, as in go-ethereum.
pub const REVERTED: i32 = 3;
/// EIP-7966: in the pool, but not in a block before the timeout; `data` is the hash.
pub const SYNC_TIMEOUT: i32 = 4;
/// EIP-7966: this node cannot take the transaction now and did not pool it; `data` is the hash.
pub const SYNC_NOT_READY: i32 = 5;
/// EIP-7966: an earlier nonce is missing, not pooled; `data` is the nonce expected.
pub const SYNC_NONCE_GAP: i32 = 6;
/// Refused.
pub const SERVER: i32 = -32_000;
/// A limit (EIP-1474).
pub const LIMIT: i32 = -32_005;
/// No such method.
pub const METHOD: i32 = -32_601;
/// Bad parameters.
pub const PARAMS: i32 = -32_602;
/// A defect of this node.
pub const INTERNAL: i32 = -32_603;

/// Why a request has no result.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// Parameters that make no sense.
    #[error("{0}")]
    Params(String),
    /// A method, or a variant of it, that this node does not have.
    #[error("{0}")]
    Unsupported(String),
    /// A limit of this node.
    #[error("{what} exceeds the limit of {limit} ({key})")]
    Limit {
        /// What is too large.
        what: String,
        /// The limit.
        limit: u64,
        /// Its configuration key.
        key: &'static str,
    },
    /// A limit that others use up too: trying again may help.
    #[error("{0}")]
    Busy(String),
    /// Refused; the text is for people and matched on by libraries.
    #[error("{0}")]
    Refused(String),
    /// A made-up block cannot be: the code is the specification's of `eth_simulateV1`.
    #[error("{message}")]
    Simulation {
        /// The code.
        code: i32,
        /// Why not.
        message: String,
    },
    /// The call reverted with this data.
    #[error("{}", revert::message(.0))]
    Reverted(Bytes),
    /// No such block, where one is needed to answer.
    #[error("header not found")]
    NoBlock,
    /// The state after a block that is too old.
    #[error(
        "historical state of block {number} is not available: this node keeps the state of the last {kept} blocks (history_blocks)"
    )]
    NoHistory {
        /// The block asked for.
        number: u64,
        /// Blocks kept.
        kept: u64,
    },
    /// No such filter, or it expired.
    #[error("filter not found")]
    NoFilter,
    /// It is one no longer, because it cannot tell all any more.
    #[error("filter not found: {0}")]
    FilterMissed(String),
    /// EIP-7966.
    #[error("transaction {hash} was added to the pool but is not in a block after {waited_ms} ms")]
    SyncTimeout {
        /// The transaction.
        hash: B256,
        /// How long it was waited.
        waited_ms: u64,
    },
    /// EIP-7966.
    #[error("{why}")]
    SyncNotReady {
        /// The transaction.
        hash: B256,
        /// Why not.
        why: String,
    },
    /// EIP-7966.
    #[error("nonce too high: transaction has {transaction}, account has {expected}")]
    SyncNonceGap {
        /// In the transaction.
        transaction: u64,
        /// Next of the account.
        expected: u64,
    },
    /// A defect of this node; the cause is logged, not told.
    #[error("internal error")]
    Internal,
}

impl RpcError {
    /// Bad parameters.
    pub fn params(why: impl std::fmt::Display) -> Self {
        Self::Params(why.to_string())
    }

    /// Logs the cause, here and nowhere else, and hides it from the client.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "rpc.internal_error");
        Self::Internal
    }

    /// It took longer than one answer may.
    pub fn too_slow(what: String) -> Self {
        Self::Busy(format!("{what} (rpc.call_timeout_ms)"))
    }

    /// The JSON-RPC code.
    pub const fn code(&self) -> i32 {
        match self {
            Self::Params(_) => PARAMS,
            Self::Unsupported(_) => METHOD,
            Self::Limit { .. } | Self::Busy(_) => LIMIT,
            Self::Refused(_) | Self::NoBlock | Self::NoHistory { .. } | Self::NoFilter | Self::FilterMissed(_) => {
                SERVER
            }
            Self::Simulation { code, .. } => *code,
            Self::Reverted(_) => REVERTED,
            Self::SyncTimeout { .. } => SYNC_TIMEOUT,
            Self::SyncNotReady { .. } => SYNC_NOT_READY,
            Self::SyncNonceGap { .. } => SYNC_NONCE_GAP,
            Self::Internal => INTERNAL,
        }
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        match error {
            RpcError::Reverted(data) => Self::owned(code, message, Some(data)),
            RpcError::SyncTimeout { hash, .. } | RpcError::SyncNotReady { hash, .. } => {
                Self::owned(code, message, Some(hash))
            }
            RpcError::SyncNonceGap { expected, .. } => Self::owned(code, message, Some(U64::from(expected))),
            _ => Self::owned(code, message, None::<()>),
        }
    }
}

/// revm's words for a transaction that cannot run, in go-ethereum's words.
const REWORDED: [(&str, &str); 9] = [
    ("lack of funds", "insufficient funds for gas * price + value"),
    ("overflow payment", "insufficient funds for gas * price + value"),
    ("gas price is less than basefee", "max fee per gas less than block base fee"),
    ("priority fee is greater", "max priority fee per gas higher than max fee per gas"),
    ("call gas cost", "intrinsic gas too low"),
    ("gas floor", "insufficient gas for floor data gas cost"),
    ("caller gas limit exceeds", "exceeds block gas limit"),
    ("create initcode size limit", "max initcode size exceeded"),
    ("nonce overflow", "nonce has max value"),
];

/// The same in go-ethereum's words, with the engine's detail behind it.
pub fn reword(engine: &str) -> String {
    match REWORDED.iter().find(|(ours, _)| engine.starts_with(ours)) {
        Some((_, words)) => format!("{words}: {engine}"),
        None => engine.to_owned(),
    }
}

/// Why a call ended without success, in go-ethereum's words; `halt` is revm's name of the reason.
pub fn halt_message(halt: &str) -> String {
    let words = match halt.split(['(', ' ', '{']).next().unwrap_or_default() {
        "OutOfGas" => "out of gas",
        "OpcodeNotFound" | "InvalidFEOpcode" | "NotActivated" => "invalid opcode",
        "InvalidJump" => "invalid jump destination",
        "StackUnderflow" => "stack underflow",
        "StackOverflow" => "stack limit reached 1024 (1023)",
        "CreateCollision" => "contract address collision",
        "CreateContractSizeLimit" => "max code size exceeded",
        "CreateContractStartingWithEF" => "invalid code: must not begin with 0xef",
        "StateChangeDuringStaticCall" | "CallNotAllowedInsideStatic" => "write protection",
        _ => return format!("execution halted: {halt}"),
    };
    words.to_owned()
}

impl From<SimulateError> for RpcError {
    fn from(error: SimulateError) -> Self {
        match error {
            SimulateError::Missing(missing) => Self::internal(missing),
            SimulateError::Override(error) => Self::Refused(error.to_string()),
            SimulateError::Invalid(why) => Self::Refused(reword(&why)),
        }
    }
}

impl From<SimulationError> for RpcError {
    fn from(error: SimulationError) -> Self {
        let message = error.to_string();
        let code = match error {
            SimulationError::Number { .. } => -38_020,
            SimulationError::Timestamp { .. } => -38_021,
            SimulationError::TooManyBlocks => -38_026,
            SimulationError::BlockGas { .. } => -38_015,
            SimulationError::Refused(refusal) => refusal.code,
            SimulationError::Override(_) | SimulationError::Root(_) => SERVER,
            SimulationError::Stopped => return Self::too_slow(message),
            SimulationError::Missing(missing) => return Self::internal(missing),
        };
        Self::Simulation { code, message }
    }
}

impl From<TraceError> for RpcError {
    fn from(error: TraceError) -> Self {
        match error {
            TraceError::Unsupported(why) => Self::Params(why),
            TraceError::TooLarge(bytes) => {
                let what = "what this trace would write down, in bytes,".to_owned();
                Self::Limit { what, limit: bytes as u64, key: "rpc.max_trace_bytes" }
            }
            TraceError::Stopped => Self::too_slow(error.to_string()),
            TraceError::Missing(missing) => Self::internal(missing),
            TraceError::Diverged { .. } => Self::internal(error),
            TraceError::Call(error) => error.into(),
        }
    }
}

impl From<EstimateError> for RpcError {
    fn from(error: EstimateError) -> Self {
        match error {
            EstimateError::Revert(data) => Self::Reverted(data),
            EstimateError::Halt(reason) => Self::Refused(halt_message(&reason)),
            EstimateError::Allowance(_) => Self::Refused(error.to_string()),
            EstimateError::Simulate(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(error: RpcError) -> String {
        serde_json::to_string(&ErrorObjectOwned::from(error)).expect("plain data")
    }

    #[test]
    fn shapes() {
        let hash = B256::repeat_byte(0xab);
        assert_eq!(
            json(RpcError::SyncTimeout { hash, waited_ms: 2_000 }),
            format!(
                r#"{{"code":4,"message":"transaction {hash} was added to the pool but is not in a block after 2000 ms","data":"{hash}"}}"#
            )
        );
        assert_eq!(
            json(RpcError::SyncNonceGap { transaction: 9, expected: 7 }),
            r#"{"code":6,"message":"nonce too high: transaction has 9, account has 7","data":"0x7"}"#
        );
        assert_eq!(
            json(RpcError::Limit { what: "5 blocks".into(), limit: 4, key: "rpc.max_block_range" }),
            r#"{"code":-32005,"message":"5 blocks exceeds the limit of 4 (rpc.max_block_range)"}"#
        );
        assert_eq!(json(RpcError::Reverted(Bytes::new())), r#"{"code":3,"message":"execution reverted","data":"0x"}"#);
        assert_eq!(json(RpcError::internal("disk on fire")), r#"{"code":-32603,"message":"internal error"}"#);
    }

    #[test]
    fn words_that_libraries_match_on() {
        assert_eq!(
            reword("lack of funds (1) for max fee (2)"),
            "insufficient funds for gas * price + value: lack of funds (1) for max fee (2)"
        );
        assert!(reword("call gas cost (21000) exceeds the gas limit (1)").starts_with("intrinsic gas too low"));
        assert_eq!(reword("something new"), "something new");
        assert_eq!(halt_message("OutOfGas(Basic)"), "out of gas");
        assert_eq!(halt_message("InvalidJump"), "invalid jump destination");
        assert_eq!(halt_message("Weird"), "execution halted: Weird");
    }
}
