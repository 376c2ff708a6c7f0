//! Ethereum's state tests on all executors.

use weft_conformance::{files, state_test};

#[test]
fn state_tests() {
    let names = ["ethereum state tests", "ethereum state tests as blocks"];
    let folders = ["GeneralStateTests", "EIPTests/StateTests"];
    let [alone, together] = files::judge_all(names, &folders, env!("CARGO_TARGET_TMPDIR"), state_test::judge_file)
        .unwrap_or_else(|error| panic!("{error}"));
    println!("{alone}\n{together}");
    assert!(alone.is_good() && together.is_good());
}
