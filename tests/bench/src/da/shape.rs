//! `weft bench da --shape`: how speed and memory grow with the payload and with threads, and what a client downloads.

use std::fs;

use weft_da::{Shape, Target};

use super::case::Case;
use super::{DaError, Options, publish};
use crate::row::Row;
use crate::shape::numbers_up_to;

/// Payloads that are encoded, in MiB.
const SIZES: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// What a process makes before its memory is looked at: a block that takes none to speak of, so that what the first one
/// costs once (code that is loaded, threads' stacks and heaps) is known by itself.
const SMALL_PAYLOAD_BYTES: usize = 64 << 10;

/// Payloads whose matrix is shown, in KiB.
const LAYOUTS: [u64; 12] =
    [4, 16, 64, 256, 1 << 10, 2 << 10, 4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10, 128 << 10];

/// Measures everything asked for; `tell` gets each row as soon as it is there.
pub fn run(options: &Options, mut tell: impl FnMut(&Row)) -> Result<Vec<Row>, DaError> {
    let mut rows = Vec::new();
    let mut add = |row: Row| {
        tell(&row);
        rows.push(row);
    };
    let wanted = |name: &str| name.contains(&options.only);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
    // The largest size asked for, before all else: what smaller blocks leave to the allocator would blur it.
    let name = |mib: usize| format!("memory_size_{mib}mib");
    if let Some(mib) = SIZES.into_iter().rev().find(|mib| wanted(&name(*mib)))
        && let Some(once) = pool.install(|| peak(SMALL_PAYLOAD_BYTES))?
        && let Some(memory) = pool.install(|| peak(mib << 20))?
    {
        let row = |name: &str, value, unit| Row { threads: options.threads, ..Row::new(name, value, unit) };
        add(row("memory_once", once / 1e6, "MB"));
        add(row(&name(mib), memory / (mib << 20) as f64, "x"));
    }
    for kib in LAYOUTS {
        if wanted("layout") {
            layout(kib)?.into_iter().for_each(&mut add);
        }
    }
    for threads in numbers_up_to(options.threads) {
        let name = format!("publish_8mib_threads_{threads}");
        if wanted(&name) {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            let options = Options { threads, ..options.clone() };
            let case = Case::new(8)?;
            add(pool.install(|| publish(&name, &case, &options))?);
        }
    }
    for mib in SIZES {
        let name = format!("publish_size_{mib}mib");
        if wanted(&name) {
            let case = Case::new(mib)?;
            add(pool.install(|| publish(&name, &case, options))?);
        }
    }
    Ok(rows)
}

/// Rows, row length, samples and client's download of a payload of so many KiB.
fn layout(kib: u64) -> Result<[Row; 4], DaError> {
    let payload = kib << 10;
    let shape = Shape::for_payload(payload).map_err(weft_da::layout::PackError::from)?;
    let samples = Target::default().samples().min(shape.rows() as u32);
    let bytes = shape.light_client_bytes(samples);
    // Sampling a small block costs as much as all of it: then it is downloaded whole.
    let (samples, bytes) = if bytes < payload { (samples, bytes) } else { (0, shape.originals_len() as u64) };
    let row = |what: &str, value: f64, unit| Row::new(&format!("layout_{kib}kib_{what}"), value, unit);
    let (client, whole) = (bytes as f64, payload as f64);
    Ok([
        row("k", shape.k() as f64, "rows"),
        row("row", shape.row_len() as f64, "B"),
        row("samples", samples.into(), "rows"),
        Row::compared(&format!("layout_{kib}kib_client"), client, "B", "the payload", whole, whole / client, 1),
    ])
}

/// Most bytes of memory that a block with a payload of so many bytes takes beside what the process has already: payload,
/// tables and threads' work areas included. `None` where the system does not tell.
fn peak(payload: usize) -> Result<Option<f64>, DaError> {
    let before = resident("VmRSS:");
    // Linux: 5 makes the peak what is in use now.
    let reset = fs::write("/proc/self/clear_refs", "5").is_ok();
    Case::of(payload)?;
    let peak = resident("VmHWM:").filter(|_| reset);
    Ok(before.zip(peak).map(|(before, peak)| peak - before))
}

/// A line of the process's status, in bytes.
fn resident(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}
