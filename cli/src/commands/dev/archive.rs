//! A development chain in one file: the whole data folder of a stopped rollup, and the genesis file it was made with.
//!
//! ```text
//! file    = "weft dev state 1\n" zstd(content)        the frame has a checksum
//! content = bytes(genesis) entry* u16(0)
//! entry   = u16(length of the path, not 0) path bytes(file)
//! bytes   = u64(length) data                           all numbers little-endian
//! ```
//!
//! Paths are relative, with `/`. The file holds keys of services, so only its owner may read it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use crate::output::Failure;

/// First bytes of a file.
pub const MAGIC: &[u8] = b"weft dev state 1\n";

/// Fast, and half of what a chain's tables have: they are compressed already.
const LEVEL: i32 = 3;

/// Longest genesis file, bytes.
const MAX_GENESIS_BYTES: u64 = 256 << 20;

/// Longest path, bytes.
const MAX_PATH_BYTES: usize = 1_024;

/// Attempts to find the folder at rest: the last threads of a store may still be tidying up.
const ATTEMPTS: usize = 50;

/// Time between two of them.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Files with their lengths and times of change.
type Listing = BTreeMap<String, (u64, Option<SystemTime>)>;

/// Writes the chain to a file, which is there completely or as it was before. The services must have ended.
pub fn write(folder: &Path, genesis: &str, to: &Path) -> Result<(), Failure> {
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            std::thread::sleep(PAUSE);
        }
        let before = listing(folder)?;
        match pack(folder, &before, genesis, to) {
            // Nothing changed meanwhile: what was copied is the state at one moment, which the stores open again.
            Ok(packed) if listing(folder)? == before => return put(packed, to),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure(format!("{} does not come to rest", folder.display())))
}

fn put(packed: tempfile::NamedTempFile, to: &Path) -> Result<(), Failure> {
    packed.as_file().sync_all()?;
    packed.persist(to)?;
    File::open(beside(to))?.sync_all()?;
    Ok(())
}

/// The folder of a file.
pub fn beside(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn listing(folder: &Path) -> io::Result<Listing> {
    let (mut files, mut folders) = (Listing::new(), vec![PathBuf::new()]);
    while let Some(relative) = folders.pop() {
        for entry in fs::read_dir(folder.join(&relative))? {
            let entry = entry?;
            let (path, metadata) = (relative.join(entry.file_name()), entry.metadata()?);
            let name = path.to_str().ok_or_else(|| io::Error::other(format!("{} is no UTF-8", path.display())))?;
            if metadata.is_dir() {
                folders.push(path);
            } else if !is_noise(&entry.file_name().to_string_lossy()) {
                files.insert(name.to_owned(), (metadata.len(), metadata.modified().ok()));
            }
        }
    }
    Ok(files)
}

/// What RocksDB writes for people, and its lock.
fn is_noise(name: &str) -> bool {
    name == "LOCK" || name == "LOG" || name.starts_with("LOG.old")
}

fn pack(folder: &Path, files: &Listing, genesis: &str, to: &Path) -> io::Result<tempfile::NamedTempFile> {
    // Readable by its owner alone.
    let file = tempfile::NamedTempFile::new_in(beside(to))?;
    let mut out = BufWriter::new(file.as_file());
    out.write_all(MAGIC)?;
    let mut out = zstd::Encoder::new(out, LEVEL)?;
    out.include_checksum(true)?;
    out.write_all(&(genesis.len() as u64).to_le_bytes())?;
    out.write_all(genesis.as_bytes())?;
    for (path, (len, _)) in files {
        let short = u16::try_from(path.len()).ok().filter(|len| usize::from(*len) <= MAX_PATH_BYTES);
        let path_len = short.ok_or_else(|| io::Error::other(format!("{path}: the path is too long")))?;
        out.write_all(&path_len.to_le_bytes())?;
        out.write_all(path.as_bytes())?;
        out.write_all(&len.to_le_bytes())?;
        // One that has grown is seen in the next listing; one that has shrunk, here.
        let copied = io::copy(&mut File::open(folder.join(path))?.take(*len), &mut out)?;
        if copied != *len {
            return Err(io::ErrorKind::NotFound.into());
        }
    }
    out.write_all(&0u16.to_le_bytes())?;
    out.finish()?.flush()?;
    Ok(file)
}

/// Puts the files into an empty folder; the genesis file's text.
pub fn read(from: &Path, folder: &Path) -> Result<String, Failure> {
    let bad = |error: io::Error| Failure(format!("{}: {error}", from.display()));
    let mut file = BufReader::new(File::open(from).map_err(bad)?);
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic).map_err(bad)?;
    if magic != MAGIC {
        return Err(Failure(format!("{} is no state of weft dev", from.display())));
    }
    unpack(zstd::Decoder::with_buffer(file).map_err(bad)?, folder).map_err(bad)
}

fn unpack(mut content: impl Read, folder: &Path) -> io::Result<String> {
    let len = u64::from_le_bytes(array(&mut content)?);
    if len > MAX_GENESIS_BYTES {
        return Err(io::Error::other("its genesis file is too long"));
    }
    let mut genesis = String::new();
    (&mut content).take(len).read_to_string(&mut genesis)?;
    loop {
        let len = usize::from(u16::from_le_bytes(array(&mut content)?));
        if len == 0 {
            break;
        }
        let mut path = vec![0; len.min(MAX_PATH_BYTES)];
        content.read_exact(&mut path)?;
        let path = String::from_utf8(path).ok().filter(|path| len <= MAX_PATH_BYTES && is_inside(Path::new(path)));
        let path = folder.join(path.ok_or_else(|| io::Error::other("a path leads out of the folder"))?);
        fs::create_dir_all(beside(&path))?;
        let len = u64::from_le_bytes(array(&mut content)?);
        let mut file = File::create_new(&path)?;
        if io::copy(&mut (&mut content).take(len), &mut file)? != len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        restrict(&file, &path)?;
        file.sync_all()?;
    }
    // The checksum is behind the last byte.
    match content.read(&mut [0])? {
        0 => Ok(genesis),
        _ => Err(io::Error::other("there is more behind its end")),
    }
}

/// Keys are for their owner alone.
fn restrict(file: &File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    match path.extension() {
        Some(extension) if extension == "key" => file.set_permissions(fs::Permissions::from_mode(0o600)),
        _ => Ok(()),
    }
}

fn is_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

fn array<const N: usize>(content: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    content.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn chain() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("sequencer/db")).unwrap();
        for (path, text) in
            [("sequencer/service.key", "secret"), ("sequencer/db/CURRENT", "1"), ("sequencer/db/LOG", "x")]
        {
            fs::write(folder.path().join(path), text).unwrap();
        }
        folder
    }

    #[test]
    fn there_and_back() {
        let (from, to, out) = (chain(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = out.path().join("state");
        fs::write(&file, "what was there before").unwrap();
        write(from.path(), "{}", &file).unwrap();
        assert_eq!(read(&file, to.path()).unwrap(), "{}");
        assert_eq!(fs::read(to.path().join("sequencer/service.key")).unwrap(), b"secret");
        assert_eq!(listing(to.path()).unwrap().len(), 2, "without the log");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1, "nothing else is left");
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn damaged_files_give_what_was_written_or_nothing() {
        let (from, out) = (chain(), tempfile::tempdir().unwrap());
        let file = out.path().join("state");
        write(from.path(), "{}", &file).unwrap();
        let whole = fs::read(&file).unwrap();
        let mut refused = 0;
        for at in 0..whole.len() {
            fs::write(&file, &whole[..at]).unwrap();
            assert!(read(&file, tempfile::tempdir().unwrap().path()).is_err(), "cut off at {at}");
            let mut changed = whole.clone();
            changed[at] ^= 0x11;
            fs::write(&file, changed).unwrap();
            let to = tempfile::tempdir().unwrap();
            match read(&file, to.path()) {
                // A few bits of the frame's header say nothing about its content.
                Ok(genesis) => {
                    assert_eq!((&genesis[..], listing(to.path()).unwrap().len()), ("{}", 2), "byte {at}");
                    assert_eq!(fs::read(to.path().join("sequencer/db/CURRENT")).unwrap(), b"1", "byte {at}");
                }
                Err(_) => refused += 1,
            }
        }
        assert!(refused > whole.len() - 4, "{refused} of {}", whole.len());
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        for path in ["../key", "/etc/weft", "a/../../b"] {
            let content = [
                &2u64.to_le_bytes()[..],
                b"{}",
                &(path.len() as u16).to_le_bytes(),
                path.as_bytes(),
                &0u64.to_le_bytes(),
                &0u16.to_le_bytes(),
            ]
            .concat();
            let error = unpack(&content[..], tempfile::tempdir().unwrap().path()).unwrap_err();
            assert!(error.to_string().contains("leads out"), "{path}: {error}");
        }
    }
}
