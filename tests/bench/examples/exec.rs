//! `weft bench exec` without the rest of Weft: `cargo run --release -p weft-bench --example exec -- [NAME] [MAINNET]`;
//! with `--shape` as the second argument, `weft bench exec --shape`.

use std::path::PathBuf;

use weft_bench::exec::{Options, run};
use weft_bench::shape;

/// As the `weft` binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let only = arguments.next().unwrap_or_default();
    let mainnet = arguments.next().map(PathBuf::from);
    let options = Options { transactions: 20_000, rounds: 7, threads, only };
    if mainnet.as_ref().is_some_and(|argument| argument.as_os_str() == "--shape") {
        shape::run(&options, |row| println!("{row}"))?;
        return Ok(());
    }
    run(&options, mainnet.as_deref(), |row| println!("{row}"))?;
    Ok(())
}
