//! The golden vectors in `proto/vectors`, those of the DA layer excepted, which its core makes: made anew by the tests
//! of this crate, and compared.
//!
//! They pin the formats for other implementations (`proto/SPEC.md` says what each field is); `tests/spec` checks them
//! with one that shares no code with Weft. `WEFT_WRITE_VECTORS=1 cargo test -p weft-vectors` writes them anew: a changed
//! file is a changed format.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::{env, fs};

use serde_json::{Value, json};

/// Whether the files are to be written instead of compared.
pub fn writing() -> bool {
    env::var_os("WEFT_WRITE_VECTORS").is_some()
}

fn path(folder: &str, name: &str) -> PathBuf {
    // That of the run, which need not be that of the build where clones share a build folder.
    let own = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(own).join("../../proto/vectors").join(folder).join(format!("{name}.json"))
}

/// The vectors in a file.
///
/// # Panics
/// There is no such file, or it holds something else.
pub fn kept(folder: &str, name: &str) -> Value {
    serde_json::from_slice(&fs::read(path(folder, name)).unwrap()).unwrap()
}

/// Compares `vectors` with the file of this name, or writes it.
///
/// # Panics
/// They differ.
pub fn golden(folder: &str, name: &str, about: &str, vectors: Vec<Value>) {
    let made = json!({ "about": about, "vectors": vectors });
    if writing() {
        let path = path(folder, name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&made).unwrap())).unwrap();
    }
    let kept = kept(folder, name);
    let names = |of: &Value| {
        of["vectors"].as_array().unwrap().iter().map(|vector| vector["name"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&made), names(&kept), "{folder}/{name}: other vectors");
    for (made, kept) in made["vectors"].as_array().unwrap().iter().zip(kept["vectors"].as_array().unwrap()) {
        assert!(made == kept, "{folder}/{name}: {} has changed", made["name"]);
    }
    assert_eq!(made["about"], kept["about"]);
}
