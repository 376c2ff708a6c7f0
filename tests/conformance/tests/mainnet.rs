//! Blocks of Ethereum's main network on all executors.

use weft_conformance::mainnet;

#[test]
fn blocks() {
    let report = mainnet::judge_all(env!("CARGO_TARGET_TMPDIR")).unwrap_or_else(|error| panic!("{error}"));
    println!("{report}");
    assert!(report.is_good());
}
