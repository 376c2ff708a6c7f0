//! Documents name only what exists; protocol files document everything.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

const DOCUMENTS: &[&str] = &["README.md", "ARCHITECTURE.md", "proto/SPEC.md"];

/// Top-level names that make a word in backticks a path of this repository.
const ROOTS: &[&str] =
    &["sequencer/", "da-layer/", "settlement/", "proto/", "migrations/", "tests/", "cli/", "config/", ".ci/"];

fn looks_like_path(word: &str) -> bool {
    ROOTS.iter().any(|root| word.starts_with(root)) && !word.contains([' ', '*', '{', '<', '$'])
}

#[test]
fn paths_in_documents_exist() {
    let root = weft_tidy::root();
    for document in DOCUMENTS {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let mut checked = 0;
        for word in text.split('`').skip(1).step_by(2).filter(|word| looks_like_path(word)) {
            assert!(root.join(word).exists(), "{document} names {word}, which does not exist");
            checked += 1;
        }
        assert!(checked > 0, "{document} names no path at all");
    }
}

/// Documents that stand for themselves, by their folders.
const FOLDERS: &[&str] = &["config/guides", "proto/examples", "tests/clients"];

#[test]
fn links_in_documents_exist() {
    let root = weft_tidy::root();
    let mut documents: Vec<_> = DOCUMENTS.iter().map(|document| root.join(document)).collect();
    for folder in FOLDERS {
        let files = fs::read_dir(root.join(folder)).unwrap().map(|file| file.unwrap().path());
        let before = documents.len();
        documents.extend(files.filter(|file| file.extension().is_some_and(|extension| extension == "md")));
        assert!(documents.len() > before, "{folder} has no documents");
    }
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.contains("://") && !link.starts_with('#') {
                let path = document.parent().unwrap().join(link.split('#').next().unwrap());
                assert!(path.exists(), "{} links to {link}, which does not exist", document.display());
            }
        }
    }
}

#[test]
fn protocol_files_document_every_rpc_and_field() {
    let folder = weft_tidy::root().join("proto/weft");
    let mut files = 0;
    for domain in fs::read_dir(folder).unwrap() {
        for file in fs::read_dir(domain.unwrap().path().join("v1")).unwrap() {
            documented(&file.unwrap().path());
            files += 1;
        }
    }
    assert_eq!(files, 7);
}

fn documented(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let mut previous = "";
    for line in text.lines().map(str::trim) {
        let item = line.starts_with("rpc ") || (line.contains(" = ") && line.ends_with(';') && !line.starts_with("//"));
        let zero = line.ends_with("_UNSPECIFIED = 0;") || line.starts_with("syntax");
        assert!(!item || zero || previous.starts_with("//"), "{}: undocumented: {line}", path.display());
        previous = line;
    }
}
