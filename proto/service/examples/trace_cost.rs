//! What tracing costs where nothing is traced, beside a loop that does not ask for it:
//!
//!     cargo run --release --locked -p weft-service --example trace_cost
//!
//! A transaction is asked for once when it is accepted; blocks and batches ask [`trace::is_on`] a few times each.

use std::hint::black_box;
use std::time::Instant;

use weft_primitives::{B256, keccak256};
use weft_service::trace;

/// Hashes that are asked for, in turns.
const HASHES: u64 = 1_024;
const ROUNDS: u32 = 50_000;
/// The shortest of several: what else the machine does only adds.
const TRIES: u32 = 9;

fn main() {
    let hashes: Vec<B256> = (0..HASHES).map(|number| keccak256(number.to_be_bytes())).collect();
    let plain = nanoseconds(&hashes, |hash| {
        black_box(hash);
    });
    let is_on = nanoseconds(&hashes, |_| {
        black_box(trace::is_on());
    });
    let sampled = nanoseconds(&hashes, |hash| {
        black_box(trace::sampled(hash));
    });
    println!(
        "a round of the loop alone: {plain:.2} ns; with trace::is_on: {is_on:.2} ns; with trace::sampled: {sampled:.2} ns"
    );
}

fn nanoseconds(hashes: &[B256], ask: impl Fn(&B256)) -> f64 {
    let once = || {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            for hash in hashes {
                ask(black_box(hash));
            }
        }
        start.elapsed().as_nanos() as f64 / (f64::from(ROUNDS) * hashes.len() as f64)
    };
    (0..TRIES).map(|_| once()).fold(f64::INFINITY, f64::min)
}
