//! From Weft's types to the shapes of Ethereum's JSON-RPC, and back for calls.
//!
//! Pure functions; the shapes are alloy's, so that what is printed here is what alloy, ethers, viem and web3.py
//! read. Deliberately absent: any look-up.

mod access;
mod block;
mod call;
mod receipt;
mod simulate;
mod transaction;

pub use access::{RpcAccountChanges, access_list};
pub use block::{Beside, RpcBlock, block, encoded, header};
pub use call::{block_overrides, call, state_overrides};
pub use receipt::{RpcLog, RpcReceipt, block_receipts, logs, receipt};
pub use simulate::{block_calls, simulated};
pub use transaction::{RpcTransaction, included, pooled};
