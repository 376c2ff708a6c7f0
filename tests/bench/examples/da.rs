//! `weft bench da` without the rest of Weft: `cargo run --release -p weft-bench --example da -- [NAME] [--shape]`.

use weft_bench::da::{Options, run, shape};

/// As the `weft` binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let options = Options { rounds: 15, threads, only: arguments.next().unwrap_or_default() };
    let tell = |row: &_| println!("{row}");
    if arguments.next().is_some_and(|argument| argument == "--shape") {
        shape::run(&options, tell)?;
    } else {
        run(&options, tell)?;
    }
    Ok(())
}
