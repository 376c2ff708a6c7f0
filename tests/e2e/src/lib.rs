//! Real processes for end-to-end tests: starts, kills and restarts the services of one rollup.
//!
//! Everything listens on free loopback ports and lives in a temporary folder;
//! a [`Cluster`] ends its processes when it is dropped. The binary is the one
//! that `make build` made, named by `WEFT_BIN`.

mod account;
mod cluster;
mod drive;
mod lying;
mod process;
mod rpc;

pub use account::{Account, dev_accounts, template};
pub use cluster::{Cluster, Service, config};
pub use drive::{PAYEE, answer, at_settlement, copy, final_block, new_key, pay, send, until, until_final, verify_all};
pub use lying::Lying;
pub use process::{Process, weft_binary};
pub use rpc::{Rpc, RpcError, quantity};
