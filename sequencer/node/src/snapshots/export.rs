//! Writing a file: from a chain that nobody else has open.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use weft_primitives::Signer;
use weft_state::StoredError;

use super::head::FileHead;
use super::{MAGIC, SnapshotError, Summary, signing_hash};
use crate::chain::Chain;
use crate::store::StoreError;

/// Everything written is hashed.
struct Hashing<W> {
    out: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Hashing<W> {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)
    }
}

/// Writes the state after the newest final batch. The file is there whole, or not at all.
pub fn export(chain: &Chain, path: &Path, maker: &Signer) -> Result<Summary, SnapshotError> {
    let store = chain.store();
    let block = store.log_state()?.finalized;
    let batch = store.batch_of(block)?.filter(|batch| block > 0 && batch.header.last_block == block);
    let signed = batch.and_then(|batch| batch.signed).ok_or(SnapshotError::NothingFinal)?;
    let lost = |what| StoreError::Damaged { what };
    let stored = store.block(block)?.ok_or_else(|| lost("newest final block"))?;
    let receipts = store.receipts(block)?.ok_or_else(|| lost("receipts"))?;
    let world = chain.world_before(block + 1)?.ok_or(SnapshotError::TooOld(block))?;
    let codes = store.codes()?;
    let head =
        FileHead { signed, block: stored, receipts, leaves: world.tree().len() as u64, codes: codes.len() as u64 };
    let summary = Summary {
        batch: head.signed.header.batch_index,
        commitment: head.signed.header.hash(),
        block,
        state_root: world.state_root(),
        leaves: head.leaves,
        codes: head.codes,
        maker: maker.address(),
    };
    let partial = path.with_extension("partial");
    let write = || -> Result<(), Failed> {
        let mut out = Hashing { out: BufWriter::new(File::create(&partial)?), hasher: blake3::Hasher::new() };
        let encoded = head.encode();
        out.put(MAGIC)?;
        out.put(&(encoded.len() as u32).to_be_bytes())?;
        out.put(&encoded)?;
        for leaf in world.tree().leaves() {
            let (key, value) = leaf?;
            let key = key.as_slice();
            out.put(&[key.len() as u8])?;
            out.put(key)?;
            out.put(&value)?;
        }
        for code in &codes {
            out.put(&(code.len() as u32).to_be_bytes())?;
            out.put(code)?;
        }
        let content = *out.hasher.finalize().as_bytes();
        out.put(&content)?;
        out.put(&maker.sign(signing_hash(content)).0)?;
        let file = out.out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(std::fs::rename(&partial, path)?)
    };
    match write() {
        Ok(()) => Ok(summary),
        Err(Failed::File(source)) => Err(SnapshotError::File { path: path.to_owned(), source }),
        Err(Failed::State(error)) => Err(StoreError::from(error).into()),
    }
}

/// Why the file was not written.
enum Failed {
    File(std::io::Error),
    State(StoredError),
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::File(error)
    }
}

impl From<StoredError> for Failed {
    fn from(error: StoredError) -> Self {
        Self::State(error)
    }
}
