//! The disk under a data folder: space, how long a synced write takes, how fast it takes bytes.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::finding::Finding;
use super::super::plan::Plan;

/// Below so many times the service's own limit it is time to make room.
const ROOM: u64 = 8;

/// Synced writes that are measured, and bytes of each.
const SYNCS: usize = 32;
const SYNC_BYTES: usize = 4_096;
/// Bytes of the long write.
const LONG_BYTES: usize = 64 << 20;

/// A block is confirmed once it is synced: this is felt.
const SLOW_SYNC: Duration = Duration::from_millis(20);
/// Nothing works well on such a disk.
const BAD_SYNC: Duration = Duration::from_millis(200);
/// Slower, encoding waits for the disk.
const SLOW_BYTES_PER_SECOND: f64 = 50e6;

/// How a disk writes.
struct Speed {
    median_sync: Duration,
    worst_sync: Duration,
    bytes_per_second: f64,
}

/// The plan's data folder, or where it will be made. `quick`: without writing.
pub fn check(plan: &Plan, quick: bool) -> Vec<Finding> {
    let name = plan.service.name();
    let folder = existing(&plan.data_dir);
    let path = folder.display();
    let mut found = vec![space(name, &folder, plan.min_free_bytes)];
    if quick {
        return found;
    }
    match measure(&folder) {
        Ok(speed) => found.extend(judge(name, &speed)),
        Err(error) => {
            let fix = format!("give {path} to the user that the service runs as, or choose another --data-dir");
            found.push(Finding::problem("disk", name, format!("cannot write in {path}: {error}"), fix));
        }
    }
    found
}

/// The folder itself, or the nearest one above it that exists.
fn existing(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    absolute.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

fn space(name: &'static str, folder: &Path, limit: u64) -> Finding {
    let Some(free) = weft_service::disk::free_bytes(folder) else {
        return Finding::warning("disk", name, "the system does not tell the free space", "watch it yourself");
    };
    let words = format!("{} MiB free in {}", free >> 20, folder.display());
    let fix = "make room, or move --data-dir to a larger disk; DA nodes can keep less (--sampling-window)";
    if free < limit {
        Finding::problem("disk", name, format!("{words}: with less than {} MiB work is refused", limit >> 20), fix)
    } else if free < limit.saturating_mul(ROOM) {
        Finding::warning("disk", name, words, fix)
    } else {
        Finding::fine("disk", name, words)
    }
}

fn measure(folder: &Path) -> io::Result<Speed> {
    // Has no name, or loses it at the end.
    let mut file: File = tempfile::tempfile_in(folder)?;
    let block = [0x5a; SYNC_BYTES];
    let mut syncs = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let start = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        syncs.push(start.elapsed());
    }
    syncs.sort();
    let megabyte = vec![0xa5; 1 << 20];
    let start = Instant::now();
    for _ in 0..LONG_BYTES / megabyte.len() {
        file.write_all(&megabyte)?;
    }
    file.sync_data()?;
    Ok(Speed {
        median_sync: syncs[SYNCS / 2],
        worst_sync: syncs[SYNCS - 1],
        bytes_per_second: LONG_BYTES as f64 / start.elapsed().as_secs_f64(),
    })
}

fn judge(name: &'static str, speed: &Speed) -> [Finding; 2] {
    let Speed { median_sync, worst_sync, bytes_per_second } = *speed;
    let words = format!("a synced write takes {median_sync:.1?}, at worst {worst_sync:.1?}");
    let fix = "use a local SSD with power-loss protection; network disks and SD cards are slow here";
    let sync = if median_sync >= BAD_SYNC {
        Finding::problem("disk", name, words, fix)
    } else if median_sync >= SLOW_SYNC {
        Finding::warning("disk", name, format!("{words}: no confirmation is faster than that"), fix)
    } else {
        Finding::fine("disk", name, words)
    };
    let words = format!("it takes {:.0} MB/s", bytes_per_second / 1e6);
    let long = if bytes_per_second < SLOW_BYTES_PER_SECOND {
        Finding::warning("disk", name, words, fix)
    } else {
        Finding::fine("disk", name, words)
    };
    [sync, long]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::finding::Grade;
    use super::*;

    #[test]
    fn space_and_speed_are_judged() {
        let folder = tempfile::tempdir().unwrap();
        let grade = |limit| space("da", folder.path(), limit).grade;
        assert_eq!((grade(1), grade(u64::MAX)), (Grade::Fine, Grade::Problem));
        let free = weft_service::disk::free_bytes(folder.path()).unwrap();
        assert_eq!(grade(free / 4), Grade::Warning);
        let speed = |millis, bytes_per_second| {
            let sync = Duration::from_millis(millis);
            judge("da", &Speed { median_sync: sync, worst_sync: sync, bytes_per_second }).map(|finding| finding.grade)
        };
        assert_eq!(speed(1, 1e9), [Grade::Fine, Grade::Fine]);
        assert_eq!(speed(50, 1e6), [Grade::Warning, Grade::Warning]);
        assert_eq!(speed(500, 1e9)[0], Grade::Problem);
    }

    #[test]
    fn measuring_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let speed = measure(folder.path()).unwrap();
        assert!(speed.bytes_per_second > 0.0 && speed.worst_sync >= speed.median_sync);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(existing(&folder.path().join("not/there")), folder.path());
    }
}
