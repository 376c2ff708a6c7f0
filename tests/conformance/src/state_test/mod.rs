//! State tests: one transaction on a state, by the rules of several forks.
//!
//! Each is judged alone by what it says, and all of a fork together in blocks,
//! by whether the executors agree: alone, a transaction leaves the parallel
//! executor nothing to do ahead of its time.

mod many;
mod model;
mod skips;

use std::path::Path;

use alloy_eips::eip2718::Decodable2718;
use revm::context::TxEnv;
use revm::primitives::hardfork::SpecId;
use weft_primitives::transaction::Envelope;

use crate::agree;
use crate::difference::{Difference, same_hash};
use crate::report::{Report, Verdict};
use crate::{fork, json, trie};
use model::{Post, StateTest};

/// Reports on the cases of a file: each alone, and those of a fork as blocks.
pub fn judge_file(path: &Path, name: &str, [alone, together]: &mut [Report; 2]) {
    let tests = match json::read::<StateTest>(path) {
        Ok(tests) => tests,
        Err(difference) => return alone.add(name, Err(difference)),
    };
    for (test_name, test) in tests {
        for (fork_name, posts) in &test.post {
            let case = |post: &Post| format!("{name}, {test_name}, {fork_name}, {}", post.indexes);
            let spec = match skips::not_run(name).map_or_else(|| fork::spec_of(fork_name), Err) {
                Ok(spec) => spec,
                Err(why) => {
                    posts.iter().for_each(|post| alone.add(case(post), Ok(Verdict::Skipped(why))));
                    together.add(name, Ok(Verdict::Skipped(why)));
                    continue;
                }
            };
            for post in posts {
                let skip = skips::reason(name);
                let ended = judge(&test, spec, post, skip.is_none());
                let verdict = |()| skip.map_or(Verdict::Passed, Verdict::Skipped);
                alone.add(case(post), ended.map(verdict));
            }
            together.add(format!("{name}, {test_name}, {fork_name}"), many::judge(&test, spec, posts));
        }
    }
}

/// Executes one case. All executors must agree, and if `expect` is set give what the case says.
fn judge(test: &StateTest, spec: SpecId, post: &Post, expect: bool) -> Result<(), Difference> {
    let mut state = test.state();
    let Some(transaction) = test.transaction(post) else { return refused_by_decoder(post) };
    let (config, block) = (fork::rules(spec), test.block(spec));
    let outcome = agree::execute(&state, None, &config, &block, std::slice::from_ref::<TxEnv>(&transaction))?;
    if !expect {
        return Ok(());
    }
    let logs = match (outcome.results.first(), &post.expect_exception) {
        (Some(Ok(executed)), None) => trie::logs_hash(&executed.logs),
        (Some(Err(reason)), None) => return Err(Difference::Refused { at: 0, reason: reason.clone() }),
        (Some(Err(_)), Some(_)) if outcome.changes != Default::default() => return Err(Difference::NotUnchanged),
        (Some(Err(_)), Some(_)) => post.logs,
        (_, expected) => return Err(Difference::NotRefused(expected.clone().unwrap_or_default())),
    };
    same_hash("logs hash", logs, post.logs)?;
    state.apply(&outcome.changes);
    test.reward(&mut state, spec);
    same_hash("state root", trie::state_root(&state), post.hash)
}

/// What is not even a transaction must not pass for one.
fn refused_by_decoder(post: &Post) -> Result<(), Difference> {
    let expected = post.expect_exception.clone();
    let expected = expected.ok_or_else(|| Difference::Unreadable("the transaction".to_owned()))?;
    match Envelope::decode_2718_exact(&post.txbytes) {
        Ok(_) => Err(Difference::NotRefused(expected)),
        Err(_) => Ok(()),
    }
}
