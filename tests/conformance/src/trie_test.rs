//! Trie tests: whether the roots that all else here is judged by are right.

use std::collections::BTreeMap;
use std::path::Path;

use alloy_primitives::{B256, Bytes};
use serde::Deserialize;

use crate::difference::{Difference, same_hash};
use crate::report::{Report, Verdict};
use crate::{json, trie};

#[derive(Debug, Deserialize)]
struct TrieTest {
    #[serde(rename = "in")]
    steps: Steps,
    root: B256,
}

/// Values by key, or one after the other; none deletes.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Steps {
    AnyOrder(BTreeMap<String, Option<String>>),
    InOrder(Vec<(String, Option<String>)>),
}

/// Reports on each test in a file.
pub fn judge_file(path: &Path, name: &str, [report]: &mut [Report; 1]) {
    if !name.to_lowercase().contains("securetrie") {
        let why = "tries whose keys are not hashed: Ethereum's state has none";
        return report.add(name, Ok(Verdict::Skipped(why)));
    }
    match json::read::<TrieTest>(path) {
        Ok(tests) => {
            for (test_name, test) in tests {
                let root = trie::secure_root(&entries(test.steps));
                report.add(format!("{name}, {test_name}"), judged(root, test.root));
            }
        }
        Err(difference) => report.add(name, Err(difference)),
    }
}

fn judged(got: B256, want: B256) -> Result<Verdict, Difference> {
    same_hash("root", got, want).map(|()| Verdict::Passed)
}

/// What is there in the end.
fn entries(steps: Steps) -> BTreeMap<Bytes, Bytes> {
    let steps: Vec<_> = match steps {
        Steps::AnyOrder(steps) => steps.into_iter().collect(),
        Steps::InOrder(steps) => steps,
    };
    let mut entries = BTreeMap::new();
    for (key, value) in steps {
        match value {
            Some(value) => entries.insert(bytes(key), bytes(value)),
            None => entries.remove(&bytes(key)),
        };
    }
    entries
}

/// Hexadecimal if it begins with 0x, text otherwise.
fn bytes(text: String) -> Bytes {
    let hexadecimal = text.starts_with("0x").then(|| text.parse().ok()).flatten();
    hexadecimal.unwrap_or_else(|| Bytes::from(text.into_bytes()))
}
