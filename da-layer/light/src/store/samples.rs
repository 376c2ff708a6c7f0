//! Sampled rows on disk, one file a height, a bounded number of bytes.
//!
//! `signed header (240) || digests (16k) || rows`, each row as `index (4, big-endian) || bytes || path (32 each)`;
//! all lengths follow from the header. Rows are verified again when read, so a
//! damaged file is as good as none; the lowest heights make room for new ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use alloy_primitives::B256;
use weft_da::limits::DIGEST_BYTES;
use weft_da::row::RowProof;
use weft_da::signed::SIGNED_HEADER_BYTES;
use weft_da::{SignedHeader, VerifiedDigests, VerifiedRow};
use weft_primitives::codec::Reader;

use super::StoreError;
use super::file::{io, replace};
use crate::judge::Judged;

/// What was kept of one block.
#[derive(Debug)]
pub struct StoredSamples {
    /// Its header.
    pub header: SignedHeader,
    /// Rows that verify against it.
    pub rows: Vec<VerifiedRow>,
}

/// The folder of rows.
pub(super) struct Samples {
    dir: PathBuf,
    limit_bytes: u64,
    sizes: Mutex<BTreeMap<u64, u64>>,
}

impl Samples {
    pub(super) fn open(dir: &Path, limit_bytes: u64) -> Result<Self, StoreError> {
        std::fs::create_dir_all(dir).map_err(io(dir))?;
        let mut sizes = BTreeMap::new();
        for entry in std::fs::read_dir(dir).map_err(io(dir))? {
            let entry = entry.map_err(io(dir))?;
            let name = entry.file_name();
            let height = name.to_str().and_then(|name| name.strip_suffix(".rows")).and_then(|name| name.parse().ok());
            if let Some(height) = height {
                sizes.insert(height, entry.metadata().map_err(io(dir))?.len());
            }
        }
        let samples = Self { dir: dir.to_owned(), limit_bytes, sizes: Mutex::new(sizes) };
        samples.make_room(0)?;
        Ok(samples)
    }

    fn path(&self, height: u64) -> PathBuf {
        self.dir.join(format!("{height}.rows"))
    }

    pub(super) fn keep(&self, judged: &Judged) -> Result<(), StoreError> {
        let Some(digests) = judged.digests.as_deref().filter(|_| !judged.rows.is_empty()) else { return Ok(()) };
        let mut bytes = judged.case.header.signed().encode().to_vec();
        bytes.extend_from_slice(digests);
        for proof in &judged.rows {
            bytes.extend_from_slice(&proof.index.to_be_bytes());
            bytes.extend_from_slice(&proof.row);
            proof.path.iter().for_each(|hash| bytes.extend_from_slice(hash.as_slice()));
        }
        let size = bytes.len() as u64;
        if size > self.limit_bytes {
            return Ok(());
        }
        let height = judged.judgement.height;
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner).remove(&height);
        self.make_room(size)?;
        replace(&self.path(height), &bytes)?;
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner).insert(height, size);
        Ok(())
    }

    fn make_room(&self, size: u64) -> Result<(), StoreError> {
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        while sizes.values().sum::<u64>() + size > self.limit_bytes {
            let Some((height, _)) = sizes.pop_first() else { break };
            let path = self.path(height);
            std::fs::remove_file(&path).map_err(io(&path))?;
        }
        Ok(())
    }

    pub(super) fn load(&self, height: u64) -> Option<StoredSamples> {
        let size = *self.sizes.lock().unwrap_or_else(PoisonError::into_inner).get(&height)?;
        if size > self.limit_bytes {
            return None;
        }
        decode(&std::fs::read(self.path(height)).ok()?)
    }
}

fn decode(bytes: &[u8]) -> Option<StoredSamples> {
    let mut reader = Reader::new(bytes);
    let header = SignedHeader::decode(reader.take("header", SIGNED_HEADER_BYTES).ok()?).ok()?;
    let shape = header.header.shape;
    let digests =
        VerifiedDigests::verify(&header.header, reader.take("digests", shape.k() * DIGEST_BYTES).ok()?).ok()?;
    let mut rows = Vec::new();
    while reader.remaining() > 0 {
        let index = reader.u32("index").ok()?;
        let row = reader.take("row", shape.row_len()).ok()?.to_vec();
        let path = reader.take("path", shape.path_len() * 32).ok()?.chunks_exact(32).map(B256::from_slice).collect();
        rows.push(digests.verify_row(&RowProof { index, row, path }).ok()?);
    }
    Some(StoredSamples { header, rows })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, Schedule};
    use weft_primitives::{Namespace, Signer};

    use super::*;

    /// A file as it is written, with two rows.
    fn file() -> Vec<u8> {
        let packed = Packed::new(&[Blob::new(Namespace([1; 32]), &[7; 900])], 1 << 20).expect("fits");
        let block = EncodedBlock::encode(packed, Schedule::Sequential);
        let place = ChainPosition { network_id: 1, height: 1, prev_hash: B256::ZERO, time_ms: 0 };
        let signer = Signer::from_bytes([1; 32]).expect("a key");
        let mut bytes = SignedHeader::sign(block.header(place), &signer).encode().to_vec();
        bytes.extend_from_slice(block.rows().digest_bytes());
        for index in [3u32, 200] {
            let proof = block.row(index).expect("a row");
            bytes.extend_from_slice(&index.to_be_bytes());
            bytes.extend_from_slice(&proof.row);
            proof.path.iter().for_each(|hash| bytes.extend_from_slice(hash.as_slice()));
        }
        bytes
    }

    #[test]
    fn reads_what_was_written() {
        let samples = decode(&file()).expect("a good file");
        assert_eq!(samples.rows.iter().map(VerifiedRow::index).collect::<Vec<_>>(), [3, 200]);
    }

    proptest! {
        #[test]
        fn damaged_files_are_none(at: prop::sample::Index, flip in 1u8.., cut: bool, noise: Vec<u8>) {
            let mut bytes = file();
            // The signature (the last 65 of the header's 240 bytes) is not for this file to check.
            let at = at.index(bytes.len());
            prop_assume!(!(175..240).contains(&at));
            if cut { bytes.truncate(at) } else { bytes[at] ^= flip }
            // Cut between two rows it is a shorter good file; the header's fields that rows do not depend on
            // are the signature's to guard.
            let unguarded = |samples: StoredSamples| samples.rows.len() < 2 || at < 175;
            prop_assert!(decode(&bytes).is_none_or(unguarded));
            prop_assert!(decode(&noise).is_none());
        }
    }
}
