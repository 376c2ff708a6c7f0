//! Ethereum's blockchain tests on all executors.

use weft_conformance::{block_test, files};

#[test]
fn blocks() {
    let folders = ["BlockchainTests/ValidBlocks"];
    let [report] = files::judge_all(["ethereum blocks"], &folders, env!("CARGO_TARGET_TMPDIR"), block_test::judge_file)
        .unwrap_or_else(|error| panic!("{error}"));
    println!("{report}");
    assert!(report.is_good());
}
