//! Proofs against the signer of the headers, one JSON file each.
//!
//! Anyone who knows the signer's address can check one: two signed headers
//! that exclude each other, or a signed header with a committed row that does
//! not agree with the committed digests. Named by content, so the same proof
//! is kept once.

use std::path::PathBuf;

use alloy_primitives::{B256, Bytes, hex};
use serde::Serialize;
use weft_da::row::RowProof;
use weft_da::{SignedHeader, blob_hash};

use super::StoreError;
use super::file::{io, write_json};
use crate::judge::Judged;
use weft_verdict::chain::Fork;

/// Most files kept; one is enough to prove a signer dishonest.
const MAX_FILES: usize = 1_000;

/// The folder of proofs.
pub(super) struct Evidence {
    dir: PathBuf,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Proof {
    Fork { why: String, ours: Bytes, theirs: Bytes },
    WrongEncoding { header: Bytes, digests: Bytes, index: u32, row: Bytes, path: Vec<B256> },
}

impl Evidence {
    pub(super) const fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub(super) fn fork(&self, fork: &Fork) -> Result<Option<PathBuf>, StoreError> {
        let (ours, theirs) = (encoded(&fork.ours), encoded(&fork.theirs));
        let name = name("fork", fork.theirs.header.height, &[&ours[..], &theirs[..]].concat());
        self.keep(&name, &Proof::Fork { why: fork.why.clone(), ours, theirs })
    }

    pub(super) fn wrong_encoding(&self, judged: &Judged, row: &RowProof) -> Result<Option<PathBuf>, StoreError> {
        let header = encoded(judged.case.header.signed());
        let name = name("wrong-encoding", judged.judgement.height, &header);
        let proof = Proof::WrongEncoding {
            header,
            digests: Bytes::copy_from_slice(judged.digests.as_deref().unwrap_or_default()),
            index: row.index,
            row: Bytes::copy_from_slice(&row.row),
            path: row.path.clone(),
        };
        self.keep(&name, &proof)
    }

    fn keep(&self, name: &str, proof: &Proof) -> Result<Option<PathBuf>, StoreError> {
        std::fs::create_dir_all(&self.dir).map_err(io(&self.dir))?;
        let path = self.dir.join(name);
        let files = std::fs::read_dir(&self.dir).map_err(io(&self.dir))?.count();
        if files >= MAX_FILES && !path.exists() {
            tracing::warn!(files, "the folder of evidence is full");
            return Ok(None);
        }
        write_json(&path, proof)?;
        Ok(Some(path))
    }
}

fn encoded(header: &SignedHeader) -> Bytes {
    Bytes::copy_from_slice(&header.encode())
}

fn name(kind: &str, height: u64, content: &[u8]) -> String {
    format!("{kind}-{height}-{}.json", hex::encode(&blob_hash(content)[..8]))
}
