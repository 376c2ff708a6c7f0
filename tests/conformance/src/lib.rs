//! Tests that other people wrote, run through Weft's executors: Ethereum's own tests, and blocks of its main network.
//!
//! Every case is executed one transaction after the other, and on 1, 2, 4 and 8
//! threads; all must agree, and give what the case says. The cases lie in
//! archives that are no part of the repository ([`data`]); without them a test
//! says that it ran nothing. What is not run is counted, with a reason
//! ([`report`]).

pub mod agree;
pub mod block_test;
pub mod data;
pub mod difference;
pub mod execution_apis;
pub mod files;
pub mod fork;
pub mod json;
pub mod mainnet;
pub mod receipts;
pub mod report;
pub mod state_test;
pub mod system;
pub mod transaction;
pub mod transaction_test;
pub mod trie;
pub mod trie_test;

pub use difference::Difference;
pub use report::Report;
