//! Ethereum's trie tests, on the tries by which blocks and states are judged here.

use weft_conformance::{files, trie_test};

#[test]
fn tries() {
    let [report] =
        files::judge_all(["ethereum tries"], &["TrieTests"], env!("CARGO_TARGET_TMPDIR"), trie_test::judge_file)
            .unwrap_or_else(|error| panic!("{error}"));
    println!("{report}");
    assert!(report.is_good());
}
