//! `weft bench state` without the rest of Weft, and so without the durable row:
//! `cargo run --release -p weft-bench --example state -- [NAME] [KEYS] [--shape]`.

use weft_bench::state::{Options, run, shape};

/// As the `weft` binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let only = arguments.next().unwrap_or_default();
    let keys = arguments.next().map_or(Ok(1_000_000), |keys| keys.parse())?;
    let options = Options { rounds: 15, threads, keys, only };
    let tell = |row: &_| println!("{row}");
    if arguments.next().is_some_and(|argument| argument == "--shape") {
        shape::run(&options, tell)?;
    } else {
        run(&options, None, tell)?;
    }
    Ok(())
}
