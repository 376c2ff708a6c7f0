//! `--state`, `--load-state` and `--dump-state`: what a chain begins with, and the file that it goes into.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{anvil, archive};
use crate::args::DevArgs;
use crate::output::Failure;

/// Where the data are.
pub struct Folder {
    /// The folder.
    pub path: PathBuf,
    /// Holds it as long as the services run, if it is a temporary one.
    temporary: Option<TempDir>,
    /// The file that all goes into in the end.
    dump: Option<PathBuf>,
}

impl Folder {
    /// The folder that the options name, with the state that they name. Second: the genesis file of the chain in it,
    /// which is `genesis`, unless the state brings another.
    pub fn new(args: &DevArgs, genesis: String) -> Result<(Self, String), Failure> {
        let temporary = if args.data_dir.is_none() { Some(tempfile::tempdir()?) } else { None };
        let path = args.data_dir.clone().or_else(|| temporary.as_ref().map(|folder| folder.path().to_owned()));
        let path = path.unwrap_or_default();
        let dump = args.dump_state.as_ref().or(args.state.as_ref()).cloned();
        if let Some(file) = &dump {
            // What could not be written is better known now than in the end.
            tempfile::NamedTempFile::new_in(archive::beside(file))
                .map_err(|error| Failure(format!("cannot write {}: {error}", file.display())))?;
        }
        let load = args.load_state.as_ref().or(args.state.as_ref().filter(|file| file.exists()));
        let genesis = match load {
            Some(file) if is_ours(file)? => archive::read(file, &path)?,
            // It would be written over.
            Some(file) if args.state.is_some() => {
                let why = "no state of weft dev: take anvil's with --load-state, and another file for --dump-state";
                return Err(Failure(format!("--state: {} is {why}", file.display())));
            }
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|error| unreadable(file, error))?;
                anvil::into_genesis(&text, &genesis).map_err(|failure| unreadable(file, failure))?
            }
            None => genesis,
        };
        Ok((Self { path, temporary, dump }, genesis))
    }

    /// Where the chain's genesis file is once all services are ready, for those who verify it.
    pub fn genesis(&self) -> PathBuf {
        self.path.join("genesis.json")
    }

    /// Whether it stays.
    pub const fn is_kept(&self) -> bool {
        self.temporary.is_none()
    }

    /// The services have ended, well or not: the state goes into the file. A temporary folder stays if it cannot.
    pub fn end(self, ended: Result<(), Failure>, genesis: &str) -> Result<(), Failure> {
        let Some(file) = &self.dump else { return ended };
        let written = ended.and_then(|()| {
            archive::write(&self.path, genesis, file)
                .map_err(|failure| Failure(format!("cannot write {}: {failure}", file.display())))
        });
        written.map_err(|failure| {
            let kept = self.temporary.map_or(self.path, TempDir::keep);
            Failure(format!("{failure}; the state was not written, the data are in {}", kept.display()))
        })
    }
}

fn is_ours(file: &Path) -> Result<bool, Failure> {
    let mut first = Vec::new();
    let opened = File::open(file).map_err(|error| unreadable(file, error))?;
    opened.take(archive::MAGIC.len() as u64).read_to_end(&mut first).map_err(|error| unreadable(file, error))?;
    Ok(first == archive::MAGIC)
}

fn unreadable(file: &Path, why: impl std::fmt::Display) -> Failure {
    Failure(format!("{}: {why}", file.display()))
}
