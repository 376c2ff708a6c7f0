//! The golden vectors in `proto/vectors/da`: made anew here and compared.
//!
//! They pin the format for other implementations (`proto/SPEC.md` says what
//! each field is); `tests/spec` checks them with one that shares no code with
//! this one. `WEFT_WRITE_VECTORS=1 cargo test -p weft-da vectors` writes them
//! anew: a changed file is a changed format.

mod blocks;
mod custody;
mod headers;
mod index;
mod rebuild;
mod rows;
mod sampling;
mod shapes;
mod table;

use std::path::PathBuf;
use std::{env, fs};

use alloy_primitives::hex;
use serde_json::{Value, json};
use weft_da::{EncodedBlock, Header, RowProof, SignedHeader};
use weft_primitives::B256;

use crate::common::{OwnedBlob, bytes, namespace, signer};

fn repository() -> PathBuf {
    // That of the run, which need not be that of the build where clones share a build folder.
    let folder = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(folder).join("../..")
}

/// Compares `vectors` with the file of this name, or writes it.
fn golden(name: &str, about: &str, vectors: Vec<Value>) {
    let path = repository().join("proto/vectors/da").join(format!("{name}.json"));
    let made = json!({ "about": about, "vectors": vectors });
    if env::var_os("WEFT_WRITE_VECTORS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&made).unwrap())).unwrap();
    }
    let kept: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let names = |of: &Value| {
        of["vectors"].as_array().unwrap().iter().map(|vector| vector["name"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&made), names(&kept), "{name}: other vectors");
    for (made, kept) in made["vectors"].as_array().unwrap().iter().zip(kept["vectors"].as_array().unwrap()) {
        assert!(made == kept, "{name}: {} has changed", made["name"]);
    }
    assert_eq!(made["about"], kept["about"]);
}

/// Blobs whose bytes are those of `bytes(seed, len)`: `(namespace, seed, len)`.
type Recipe<'a> = &'a [(u8, u64, usize)];

fn cook(recipe: Recipe<'_>) -> Vec<OwnedBlob> {
    recipe.iter().map(|(name, seed, len)| (namespace(*name), bytes(*seed, *len))).collect()
}

fn recipe_json(recipe: Recipe<'_>) -> Value {
    let blob = |(name, seed, len): &(u8, u64, usize)| {
        let namespace = namespace(*name).to_string();
        json!({ "namespace": namespace, "seed": seed, "len": len })
    };
    recipe.iter().map(blob).collect()
}

fn hash(hash: B256) -> String {
    hex::encode(hash)
}

fn hashes(path: &[B256]) -> Vec<String> {
    path.iter().map(hex::encode).collect()
}

fn row_json(proof: &RowProof) -> Value {
    json!({ "index": proof.index, "row": hex::encode(&proof.row), "path": hashes(&proof.path) })
}

/// Header and digests of a block, as a light client gets them.
fn parts(block: &EncodedBlock, header: &Header) -> (String, String) {
    (hex::encode(header.encode()), hex::encode(block.rows().digest_bytes()))
}

fn sign(header: Header) -> SignedHeader {
    SignedHeader::sign(header, &signer())
}
