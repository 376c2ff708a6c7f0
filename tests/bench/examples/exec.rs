//! `weft bench exec` without the rest of Weft: `cargo run --release -p weft-bench --example exec -- [NAME] [MAINNET]`.

use std::path::PathBuf;

use weft_bench::exec::{Options, run};

/// As the `weft` binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let only = arguments.next().unwrap_or_default();
    let mainnet = arguments.next().map(PathBuf::from);
    let options = Options { transactions: 20_000, rounds: 7, threads, only };
    run(&options, mainnet.as_deref(), |row| println!("{row}"))?;
    Ok(())
}
