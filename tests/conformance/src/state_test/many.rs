//! All transactions of a test and fork as two blocks, by two senders in turn.

use alloy_primitives::{Address, Bytes};
use revm::context::TxEnv;
use revm::primitives::hardfork::SpecId;
use weft_execution::raw::{self, Executor};

use super::model::{Post, StateTest};
use crate::difference::{Difference, same_hash};
use crate::report::Verdict;
use crate::{agree, fork, trie};

/// Transactions at least: the variants are taken again and again until there are so many.
const LEAST: usize = 8;

/// Transactions at most.
const MOST: usize = 64;

/// Gas after which there are no more of them.
const ENOUGH_GAS: u64 = 30_000_000;

/// The second sender: an account like the first one's, at an address that nobody else has.
const TWIN: Address = Address::repeat_byte(0x7e);

/// Executes them one by one, each on the state that the last one left; all executors must make the same of the
/// blocks, the second one with what they keep of the first.
pub(super) fn judge(test: &StateTest, spec: SpecId, posts: &[Post]) -> Result<Verdict, Difference> {
    let variants: Vec<TxEnv> = posts.iter().filter_map(|post| test.transaction(post)).collect();
    let Some(TxEnv { caller: sender, nonce, .. }) = variants.first().cloned() else {
        return Ok(Verdict::Skipped("no transaction that can be encoded"));
    };
    let mut before = test.state();
    if let Some(account) = test.pre.get(&sender) {
        before.insert(TWIN, nonce, account.balance, &Bytes::new(), []);
    }
    let (config, block) = (fork::rules(spec), test.block(spec));
    let (mut state, mut nonces, mut gas_used) = (before.clone(), [nonce; 2], 0);
    let mut transactions = Vec::new();
    for (at, variant) in variants.iter().cycle().take(variants.len().clamp(LEAST, MOST)).enumerate() {
        let who = at % 2;
        let transaction = TxEnv { caller: [sender, TWIN][who], nonce: nonces[who], ..variant.clone() };
        let one = std::slice::from_ref(&transaction);
        let outcome = raw::execute(&state, &config, &block, one, Executor::Sequential)
            .map_err(|missing| Difference::Missing { executor: "one by one".to_owned(), missing })?;
        state.apply(&outcome.changes);
        // One that was refused has not used its nonce.
        if let Some(Ok(executed)) = outcome.results.first() {
            nonces[who] += 1;
            gas_used += executed.gas_used;
        }
        transactions.push(transaction);
        if gas_used > ENOUGH_GAS {
            break;
        }
    }
    let (mut root, halves) = (None, transactions.split_at(transactions.len() / 2));
    for half in [halves.0, halves.1] {
        let outcome = agree::execute(&before, root, &config, &block, half)?;
        before.apply(&outcome.changes);
        let after = trie::state_root(&before);
        agree::applied(after);
        root = Some(after);
    }
    same_hash("state root, one by one", trie::state_root(&before), trie::state_root(&state))?;
    Ok(Verdict::Passed)
}
