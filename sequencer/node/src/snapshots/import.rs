//! Reading a file into a new store.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use weft_execution::{Parent, World, withdrawals_frontier};
use weft_primitives::codec::DecodeError;
use weft_primitives::{Address, Bytes, ChainConfig, Signature};
use weft_settlement::{Replay, Status};
use weft_state::{TreeKey, Value};

use super::head::FileHead;
use super::{MAGIC, MAX_CODE_BYTES, MAX_HEAD_BYTES, SnapshotError, Summary, signing_hash};
use crate::store::{BatchRecord, BatchStage, ChainStore, Imported, StoredBlock};

/// Where a file may come from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The settlement log up to its end.
    pub log: &'a Replay,
    /// Who must have made it; anyone if `None`.
    pub maker: Option<Address>,
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

/// Checks a file and writes what is in it to `store`, which must be empty. Until the last write the store counts as
/// empty; one that was cut off is to be removed.
pub fn import(
    chain: &ChainConfig,
    store: &ChainStore,
    path: &Path,
    origin: Origin<'_>,
) -> Result<Summary, SnapshotError> {
    if !store.is_empty()? {
        return Err(SnapshotError::NotEmpty);
    }
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
    final_in(origin.log, &head)?;
    let leaves = leaves(&mut input, head.leaves, path)?;
    let codes = codes(&mut input, head.codes, path)?;
    let maker = maker(&mut input, path)?;
    if origin.maker.is_some_and(|wanted| wanted != maker) {
        return Err(SnapshotError::Wrong("it is signed by another key"));
    }
    let world = World::load(leaves.iter().copied(), codes.iter().cloned())
        .map_err(|_| SnapshotError::Wrong("its leaves are in no tree"))?;
    let claim = &head.signed.header;
    if world.state_root() != claim.post_state_root {
        return Err(SnapshotError::Wrong("its leaves give another state root than the commitment's"));
    }
    let withdrawals = withdrawals_frontier(&world, head.block.withdrawals)
        .map_err(|_| SnapshotError::Wrong("the state of the withdrawals contract is not in it"))?;
    let genesis = Parent::new(World::genesis(chain).map_err(|error| SnapshotError::Chain(error.into()))?.1);
    let genesis = StoredBlock {
        header: genesis.header,
        hash: genesis.hash,
        body: Default::default(),
        inbox_cursor: 0,
        inbox_acc: Default::default(),
        withdrawals: 0,
    };
    let batch = BatchRecord { stage: BatchStage::Finalized, header: claim.clone(), signed: Some(head.signed.clone()) };
    let (block, receipts) = (&head.block, &head.receipts[..]);
    let (batch, leaves, codes, withdrawals) = (&batch, &leaves[..], &codes[..], &withdrawals[..]);
    store.import(&Imported { genesis: &genesis, block, receipts, batch, leaves, codes, withdrawals })?;
    Ok(Summary {
        batch: claim.batch_index,
        commitment: claim.hash(),
        block: claim.last_block,
        state_root: claim.post_state_root,
        leaves: head.leaves,
        codes: head.codes,
        maker,
    })
}

/// The log must have the commitment, and as final.
fn final_in(log: &Replay, head: &FileHead) -> Result<(), SnapshotError> {
    let (batch, commitment) = (head.signed.header.batch_index, head.signed.header.hash());
    let found = log.history().canonical(batch);
    match found.filter(|record| record.commitment == commitment && record.status == Status::Finalized) {
        Some(_) => Ok(()),
        None => Err(SnapshotError::NotFinal { batch, commitment }),
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
