//! Reading a file: everything that can be checked with the file and the chain's configuration alone.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use weft_execution::World;
use weft_primitives::codec::DecodeError;
use weft_primitives::{Address, Bytes, ChainConfig, Signature};
use weft_state::{TreeKey, Value};

use super::head::FileHead;
use super::{MAGIC, MAX_CODE_BYTES, MAX_HEAD_BYTES, SnapshotError, signing_hash};

/// What is in a file.
pub(super) struct Content {
    pub(super) head: FileHead,
    pub(super) leaves: Vec<(TreeKey, Value)>,
    pub(super) codes: Vec<Bytes>,
    /// Who signed it.
    pub(super) maker: Address,
}

impl Content {
    /// The state, which must have the root that the commitment names.
    pub(super) fn world(&self) -> Result<World, SnapshotError> {
        let world = World::load(self.leaves.iter().copied(), self.codes.iter().cloned())
            .map_err(|_| SnapshotError::Wrong("its leaves are in no tree"))?;
        if world.state_root() != self.head.signed.header.post_state_root {
            return Err(SnapshotError::Wrong("its leaves give another state root than the commitment's"));
        }
        Ok(world)
    }
}

/// Everything read is hashed.
struct Hashing<R> {
    input: R,
    hasher: blake3::Hasher,
}

fn damaged(error: std::io::Error, path: &Path) -> SnapshotError {
    if error.kind() == ErrorKind::UnexpectedEof {
        return SnapshotError::Wrong("it ends too early");
    }
    SnapshotError::File { path: path.to_owned(), source: error }
}

impl<R: Read> Hashing<R> {
    fn take(&mut self, len: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // Memory grows with what is there, not with what is announced.
        self.input.by_ref().take(len as u64).read_to_end(&mut bytes)?;
        if bytes.len() < len {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> std::io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        self.hasher.update(&bytes);
        Ok(bytes)
    }
}

/// Opens a file and reads its head, which must be of this chain.
pub(super) fn begin(chain: &ChainConfig, path: &Path) -> Result<(FileHead, Rest), SnapshotError> {
    let file = File::open(path).map_err(|source| SnapshotError::File { path: path.to_owned(), source })?;
    let mut input = Hashing { input: BufReader::new(file), hasher: blake3::Hasher::new() };
    let eof = |error| damaged(error, path);
    if input.array::<16>().map_err(eof)? != *MAGIC {
        return Err(SnapshotError::Wrong("it is no snapshot"));
    }
    let len = u32::from_be_bytes(input.array().map_err(eof)?);
    if len > MAX_HEAD_BYTES {
        return Err(SnapshotError::Wrong("its head is too long"));
    }
    let malformed = |_: DecodeError| SnapshotError::Wrong("its head does not decode");
    let head = FileHead::decode(&input.take(len as usize).map_err(eof)?).map_err(malformed)?;
    head.check(chain)?;
    Ok((head, Rest(input)))
}

/// What follows the head.
pub(super) struct Rest(Hashing<BufReader<File>>);

impl Rest {
    /// Reads it to the end.
    pub(super) fn read(self, head: FileHead, path: &Path) -> Result<Content, SnapshotError> {
        let Self(mut input) = self;
        let leaves = leaves(&mut input, head.leaves, path)?;
        let codes = codes(&mut input, head.codes, path)?;
        let maker = maker(&mut input, path)?;
        Ok(Content { head, leaves, codes, maker })
    }
}

fn leaves(input: &mut Hashing<impl Read>, count: u64, path: &Path) -> Result<Vec<(TreeKey, Value)>, SnapshotError> {
    let mut leaves: Vec<(TreeKey, Value)> = Vec::new();
    for _ in 0..count {
        let [len] = input.array().map_err(|error| damaged(error, path))?;
        let key = input.take(len.into()).map_err(|error| damaged(error, path))?;
        let key = TreeKey::new(&key).map_err(|_| SnapshotError::Wrong("a key that is none"))?;
        let value: Value = input.array().map_err(|error| damaged(error, path))?;
        if leaves.last().is_some_and(|(last, _)| *last >= key) || value == [0; 32] {
            return Err(SnapshotError::Wrong("its leaves are out of order, or zero"));
        }
        leaves.push((key, value));
    }
    Ok(leaves)
}

fn codes(input: &mut Hashing<impl Read>, count: u64, path: &Path) -> Result<Vec<Bytes>, SnapshotError> {
    let mut codes = Vec::new();
    for _ in 0..count {
        let len = u32::from_be_bytes(input.array().map_err(|error| damaged(error, path))?);
        if len == 0 || len > MAX_CODE_BYTES {
            return Err(SnapshotError::Wrong("a code of impossible length"));
        }
        codes.push(input.take(len as usize).map_err(|error| damaged(error, path))?.into());
    }
    Ok(codes)
}

/// Who signed all that was read; nothing may come after it.
fn maker(input: &mut Hashing<impl Read>, path: &Path) -> Result<Address, SnapshotError> {
    let content = *input.hasher.finalize().as_bytes();
    if input.array::<32>().map_err(|error| damaged(error, path))? != content {
        return Err(SnapshotError::Wrong("its hash is not that of its content"));
    }
    let signature = Signature(input.array().map_err(|error| damaged(error, path))?);
    if input.take(1).is_ok() {
        return Err(SnapshotError::Wrong("bytes come after its end"));
    }
    signature.recover(signing_hash(content)).map_err(|_| SnapshotError::Wrong("its signature is none"))
}
