//! The dependency rule of ARCHITECTURE.md, over `cargo metadata`.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Each crate of ours and the ones of ours that it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("weft-hash", &[]),
    ("weft-primitives", &[]),
    ("weft-state", &["weft-hash", "weft-primitives"]),
    ("weft-execution", &["weft-primitives", "weft-state"]),
    ("weft-da", &["weft-hash", "weft-primitives"]),
    ("weft-verdict", &["weft-primitives", "weft-da"]),
    ("weft-settlement", &["weft-primitives"]),
    ("weft-wire", &["weft-primitives", "weft-da", "weft-verdict", "weft-settlement"]),
    ("weft-service", &["weft-primitives"]),
    (
        "weft-sequencer",
        &["weft-primitives", "weft-state", "weft-execution", "weft-da", "weft-settlement", "weft-wire", "weft-service"],
    ),
    ("weft-da-node", &["weft-primitives", "weft-da", "weft-wire", "weft-service"]),
    ("weft-light", &["weft-primitives", "weft-da", "weft-verdict", "weft-wire", "weft-service"]),
    (
        "weft-settlement-node",
        &["weft-primitives", "weft-state", "weft-execution", "weft-da", "weft-settlement", "weft-wire", "weft-service"],
    ),
    ("weft-bench", &["weft-primitives", "weft-state", "weft-execution", "weft-da"]),
];

/// What a pure core may not reach, even through others.
const IMPURE: &[&str] = &["tokio", "tonic", "prost", "rocksdb", "sqlx", "metrics", "mio", "socket2", "hyper"];
/// What a pure core may not use itself. (alloy-trie reaches tracing, but logs nothing on its own.)
const LOUD: &[&str] = &["tracing", "log", "rand"];
const PURE: &[&str] =
    &["weft-hash", "weft-primitives", "weft-state", "weft-execution", "weft-da", "weft-verdict", "weft-settlement"];

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(weft_tidy::root().join("Cargo.toml")).exec().unwrap()
}

/// Names of all packages that `name` is built with, itself excluded.
fn closure(metadata: &Metadata, name: &str) -> BTreeSet<String> {
    let nodes: BTreeMap<&PackageId, _> =
        metadata.resolve.as_ref().unwrap().nodes.iter().map(|node| (&node.id, node)).collect();
    let start = &metadata.packages.iter().find(|package| package.name == name).unwrap().id;
    let mut stack = vec![start];
    let mut seen = BTreeSet::new();
    while let Some(id) = stack.pop() {
        for dependency in &nodes[id].deps {
            let normal = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            if normal && seen.insert(&dependency.pkg) {
                stack.push(&dependency.pkg);
            }
        }
    }
    seen.into_iter().map(|id| metadata[id].name.to_string()).collect()
}

#[test]
fn crates_use_only_what_lies_below() {
    let metadata = metadata();
    for (name, allowed) in ALLOWED {
        let package = metadata.packages.iter().find(|package| package.name == name).unwrap();
        for dependency in &package.dependencies {
            let ours = dependency.name == "weft" || dependency.name.starts_with("weft-");
            if ours && dependency.kind == DependencyKind::Normal {
                assert!(allowed.contains(&dependency.name.as_str()), "{name} must not use {}", dependency.name);
            }
        }
    }
}

#[test]
fn every_crate_has_a_rule() {
    let ends = ["weft", "weft-conformance", "weft-models", "weft-tidy", "weft-e2e", "weft-vectors"];
    for package in metadata().workspace_packages() {
        let name = package.name.as_str();
        assert!(ends.contains(&name) || ALLOWED.iter().any(|(known, _)| *known == name), "no rule for {name}");
    }
}

#[test]
fn cores_are_pure() {
    let metadata = metadata();
    for name in PURE {
        let reached = closure(&metadata, name);
        for impure in IMPURE {
            assert!(!reached.contains(*impure), "{name} reaches {impure}");
        }
        let package = metadata.packages.iter().find(|package| package.name == name).unwrap();
        let own = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        for dependency in own {
            assert!(!LOUD.contains(&dependency.name.as_str()), "{name} uses {}", dependency.name);
        }
    }
}

#[test]
fn the_light_client_is_light() {
    let reached = closure(&metadata(), "weft-light");
    for heavy in ["rocksdb", "revm", "sqlx"] {
        assert!(!reached.contains(heavy), "weft-light reaches {heavy}");
    }
}

#[test]
fn only_the_da_node_knows_object_stores() {
    let metadata = metadata();
    for (name, _) in ALLOWED.iter().filter(|(name, _)| *name != "weft-da-node") {
        assert!(!closure(&metadata, name).contains("object_store"), "{name} reaches object_store");
    }
}
