//! Ethereum's own requests and answers, asked of our JSON-RPC server.

use weft_conformance::execution_apis;

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers() {
    let outcome = execution_apis::run(env!("CARGO_TARGET_TMPDIR")).await.unwrap_or_else(|error| panic!("{error}"));
    println!("{outcome}");
    assert!(outcome.is_good());
}
