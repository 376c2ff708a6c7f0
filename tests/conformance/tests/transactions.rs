//! Ethereum's transaction tests: what is a valid transaction, and what is not.

use weft_conformance::{files, transaction_test};

#[test]
fn transactions() {
    let names = ["ethereum transactions"];
    let [report] =
        files::judge_all(names, &["TransactionTests"], env!("CARGO_TARGET_TMPDIR"), transaction_test::judge_file)
            .unwrap_or_else(|error| panic!("{error}"));
    println!("{report}");
    assert!(report.is_good());
}
