//! The machine: open files, and a clock that runs evenly.

use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Resource, getrlimit};

use super::super::finding::Finding;

/// Connections, database files and some more of one service.
const WANTED_FILES: u64 = 4_096;
/// Below this a service runs out under ordinary load.
const LEAST_FILES: u64 = 1_024;

/// How long the clocks are compared.
const WATCH: Duration = Duration::from_millis(200);
/// What two clocks of one machine may differ by in that time.
const MOST_DRIFT: Duration = Duration::from_millis(20);

/// All of it.
pub fn check() -> Vec<Finding> {
    vec![open_files(getrlimit(Resource::Nofile).current), clock()]
}

fn open_files(limit: Option<u64>) -> Finding {
    let fix = "raise it: `ulimit -n 65536`, or LimitNOFILE=65536 in the systemd unit";
    match limit {
        Some(limit) if limit < LEAST_FILES => {
            Finding::problem("open files", "", format!("a process may have {limit} files open"), fix)
        }
        Some(limit) if limit < WANTED_FILES => {
            Finding::warning("open files", "", format!("a process may have {limit} files open"), fix)
        }
        Some(limit) => Finding::fine("open files", "", format!("a process may have {limit} files open")),
        None => Finding::fine("open files", "", "no limit"),
    }
}

/// Settlement's deadlines and block times use the system's clock: steps delay them.
fn clock() -> Finding {
    let (start, system) = (Instant::now(), SystemTime::now());
    std::thread::sleep(WATCH);
    let elapsed = start.elapsed();
    match system.elapsed() {
        Ok(by_system) if by_system.abs_diff(elapsed) <= MOST_DRIFT => {
            Finding::fine("clock", "", "the system's clock runs evenly")
        }
        by_system => Finding::warning(
            "clock",
            "",
            format!("in {elapsed:?} the system's clock moved by {by_system:?}"),
            "let one time service (chrony, systemd-timesyncd) slew the clock, and only one",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Grade;
    use super::*;

    #[test]
    fn few_files_are_a_problem() {
        let grade = |limit| open_files(limit).grade;
        assert_eq!(grade(Some(256)), Grade::Problem);
        assert_eq!(grade(Some(1_024)), Grade::Warning);
        assert_eq!((grade(Some(65_536)), grade(None)), (Grade::Fine, Grade::Fine));
    }
}
