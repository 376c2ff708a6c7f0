//! The catalogues against the table in the repository, and against the source.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use weft_service::catalogue::Kind;

use super::*;

/// Where services live; a metric counted elsewhere is nobody's.
const SOURCES: [&str; 6] = ["proto", "sequencer", "da-layer", "settlement", "cli", "tests/bench"];

fn root() -> PathBuf {
    // Of the run, which need not be that of the build where clones share a build folder.
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(folder).join("..")
}

fn catalogue() -> Vec<Metric> {
    SECTIONS.iter().flat_map(|(_, metrics)| metrics.iter().copied()).collect()
}

#[test]
fn the_table_in_the_repository_is_current() {
    let written = std::fs::read_to_string(root().join("config/metrics.md")).unwrap();
    assert!(written == table(), "config/metrics.md is old: `weft metrics > config/metrics.md`");
}

#[test]
fn names_are_unique_and_by_convention() {
    let mut seen = BTreeSet::new();
    for metric in catalogue() {
        assert_eq!(metric.misnamed(), None, "{}", metric.name);
        assert!(seen.insert(metric.name), "{} is listed twice", metric.name);
        assert!(metric.labels.is_sorted(), "{}: labels in order, please", metric.name);
        assert!(metric.help.ends_with('.') && !metric.help.contains(['|', '\n']), "{}: {}", metric.name, metric.help);
    }
}

/// One use of a metric in the source.
#[derive(Debug, PartialEq, Eq)]
struct Use {
    kind: Kind,
    name: String,
    labels: Vec<String>,
}

/// All of `counter!("name", "label" => ...)` in a file, up to its tests. A name that is not written out is left out.
fn uses(text: &str) -> Vec<Use> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let kinds = [("counter!(", Kind::Counter), ("gauge!(", Kind::Gauge), ("histogram!(", Kind::Histogram)];
    let mut found = Vec::new();
    for (call, kind) in kinds {
        for (at, _) in text.match_indices(call) {
            // `describe_counter!` is another macro.
            let another = text[..at].ends_with(|letter: char| letter == '_' || letter.is_alphanumeric());
            let Some(rest) = text[at + call.len()..].trim_start().strip_prefix('"').filter(|_| !another) else {
                continue;
            };
            let (name, rest) = rest.split_once('"').unwrap();
            found.push(Use { kind, name: name.to_owned(), labels: labels(rest) });
        }
    }
    found
}

/// What stands in quotes before `=>`, up to the end of the call.
fn labels(rest: &str) -> Vec<String> {
    let mut depth = 0;
    let end = rest.find(|letter| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        depth < 0
    });
    let call = &rest[..end.unwrap_or(rest.len())];
    let quoted =
        |part: &str| part.trim_end().strip_suffix('"').and_then(|part| part.rsplit('"').next().map(str::to_owned));
    let parts: Vec<&str> = call.split("=>").collect();
    let mut labels: Vec<String> = parts[..parts.len() - 1].iter().filter_map(|part| quoted(part)).collect();
    labels.sort();
    labels
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn what_is_counted_is_in_a_catalogue_and_the_other_way_round() {
    let catalogue: BTreeMap<&str, Metric> = catalogue().into_iter().map(|metric| (metric.name, metric)).collect();
    let mut sources = Vec::new();
    SOURCES.iter().for_each(|folder| files(&root().join(folder), &mut sources));
    let mut mentions: BTreeMap<&str, usize> = BTreeMap::new();
    let mut counted = 0;
    for path in sources {
        let text = std::fs::read_to_string(&path).unwrap();
        for found in uses(&text) {
            let metric = catalogue.get(found.name.as_str()).unwrap_or_else(|| {
                panic!("{}: {} is in no catalogue: add it to METRICS of its service", path.display(), found.name)
            });
            assert_eq!(metric.kind, found.kind, "{}: {}", path.display(), found.name);
            // Labels that are given as one expression are seen on running services (tests/e2e).
            if !found.labels.is_empty() {
                assert_eq!(metric.labels, found.labels, "{}: {}: labels in the catalogue", path.display(), found.name);
            }
            counted += 1;
        }
        for name in catalogue.keys() {
            *mentions.entry(name).or_default() += text.matches(&format!("\"{name}\"")).count();
        }
    }
    assert!(counted > 50, "only {counted} uses found: does the search still work?");
    for (name, mentions) in mentions {
        assert!(mentions >= 2, "{name} is in a catalogue, and nothing counts it");
    }
}

#[test]
fn uses_are_found() {
    let text = "metrics::counter!(\n    \"weft_a_total\", \"x\" => f(1), \"b\" => y.name()).increment(1);\n\
                describe_gauge!(\"weft_b\", \"\"); gauge!(name, \"c\" => 1); histogram!(\"weft_c_seconds\").record(1.0);\n\
                #[cfg(test)] mod tests { counter!(\"weft_d_total\") }";
    let found = uses(text);
    let names: Vec<(&str, usize)> = found.iter().map(|found| (found.name.as_str(), found.labels.len())).collect();
    assert_eq!(names, [("weft_a_total", 2), ("weft_c_seconds", 0)]);
    assert_eq!(found[0].labels, ["b", "x"]);
}
