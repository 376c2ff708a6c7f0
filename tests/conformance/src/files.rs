//! Files of cases, taken by several threads.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::data::{self, Data, DataError};
use crate::report::Report;

/// Threads of rayon's pool, so that the parallel executor has as many as it is asked to use, on any machine.
const POOL: usize = 8;

/// Has every file of Ethereum's tests in `folders` judged. One report a name, which `judge` fills in.
pub fn judge_all<const N: usize>(
    names: [&'static str; N],
    folders: &[&str],
    build_folder: &str,
    judge: impl Fn(&Path, &str, &mut [Report; N]) + Sync,
) -> Result<[Report; N], DataError> {
    let root = match data::find(data::ETHEREUM_TESTS, Path::new(build_folder))? {
        Data::Folder(root) => root,
        Data::Absent(why) => return Ok(names.map(|name| Report::absent(name, why.clone()))),
    };
    let mut paths = Vec::new();
    for folder in folders {
        paths.extend(json_below(&root.join(folder))?);
    }
    if paths.is_empty() {
        let why = format!("no data: {} has no .json file in {}", root.display(), folders.join(" or "));
        return Ok(names.map(|name| Report::absent(name, why.clone())));
    }
    let each = on_all_cores(&paths, |path| {
        let mut reports = names.map(Report::new);
        judge(path, &path.strip_prefix(&root).unwrap_or(path).to_string_lossy(), &mut reports);
        reports
    });
    let mut all = names.map(Report::new);
    for reports in each {
        all.iter_mut().zip(reports).for_each(|(report, later)| report.merge(later));
    }
    Ok(all)
}

/// All `.json` files below a folder, in order. A folder that is not there has none.
fn json_below(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop().filter(|folder| folder.is_dir()) {
        let io = |source| DataError::Io { path: folder.clone(), source };
        for entry in std::fs::read_dir(&folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Does something with each of `items`, on as many threads as the machine has cores. Results are in order.
pub fn on_all_cores<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    // A pool that is there already will do.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(POOL).build_global();
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Vec<(usize, R)>>| match worker.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        workers.into_iter().flat_map(join).collect()
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}
