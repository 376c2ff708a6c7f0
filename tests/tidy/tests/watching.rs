//! Dashboards and alert rules name only metrics and labels that there are (`config/metrics.md`).
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use weft_tidy::promql::{Named, named};
use yaml_rust2::{Yaml, YamlLoader};

/// What Prometheus adds.
const TARGET: [&str; 2] = ["instance", "job"];

/// A row of the table.
struct Row {
    kind: String,
    labels: BTreeSet<String>,
}

/// The table, by name.
fn table() -> BTreeMap<String, Row> {
    let text = fs::read_to_string(weft_tidy::root().join("config/metrics.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `weft_")).map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let labels = cells[4].split(", ").filter(|label| !label.is_empty()).map(|label| label.replace('`', ""));
        (cells[1].replace('`', ""), Row { kind: cells[2].to_owned(), labels: labels.collect() })
    });
    let rows: BTreeMap<String, Row> = rows.collect();
    assert!(rows.len() > 80, "config/metrics.md has {} rows", rows.len());
    rows
}

/// The labels that a selector's series have, or why there is no such metric.
fn labels_of(table: &BTreeMap<String, Row>, metric: &str) -> Result<BTreeSet<String>, String> {
    let target = TARGET.map(str::to_owned);
    if metric == "up" {
        return Ok(target.into());
    }
    let parts = ["_bucket", "_sum", "_count"];
    let (name, part) = parts.iter().find_map(|part| Some((metric.strip_suffix(part)?, *part))).unwrap_or((metric, ""));
    let row = table.get(name).ok_or_else(|| format!("{metric} is not in config/metrics.md"))?;
    if (row.kind == "histogram") == part.is_empty() {
        return Err(format!("{metric}: a histogram has _bucket, _sum and _count, and nothing else has"));
    }
    let le = (part == "_bucket").then(|| "le".to_owned());
    Ok(row.labels.iter().cloned().chain(target).chain(le).collect())
}

/// Checks an expression; the labels that its result can have.
fn check(table: &BTreeMap<String, Row>, expression: &str) -> Result<BTreeSet<String>, String> {
    let Named { selectors, grouping } = named(expression);
    if selectors.is_empty() {
        return Err("it names no metric".to_owned());
    }
    let mut all = BTreeSet::new();
    for selector in selectors {
        let labels = labels_of(table, &selector.metric)?;
        if let Some(unknown) = selector.labels.difference(&labels).next() {
            return Err(format!("{} has no label {unknown}", selector.metric));
        }
        all.extend(labels);
    }
    match grouping {
        Some(kept) => match kept.difference(&all).next() {
            Some(unknown) => Err(format!("nothing has the label {unknown}")),
            None => Ok(kept),
        },
        None => Ok(all),
    }
}

/// The labels that `{{x}}` (Grafana) or `{{ $labels.x }}` (Prometheus) put into a text.
fn shown(text: &str, prefix: &str) -> Vec<String> {
    let inner = text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    inner.filter_map(|word| word.trim().strip_prefix(prefix)).map(str::to_owned).collect()
}

#[test]
fn alert_rules_are_sound() {
    let table = table();
    let text = fs::read_to_string(weft_tidy::root().join("config/alerts.yaml")).unwrap();
    let documents = YamlLoader::load_from_str(&text).unwrap();
    let mut names = BTreeSet::new();
    let rules = documents[0]["groups"].as_vec().unwrap().iter().flat_map(|group| group["rules"].as_vec().unwrap());
    for rule in rules {
        let name = rule["alert"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        let field =
            |field: &Yaml, what: &str| field.as_str().unwrap_or_else(|| panic!("{name} has no {what}")).to_owned();
        let expression = field(&rule["expr"], "expr");
        let labels = check(&table, &expression).unwrap_or_else(|why| panic!("{name}: {why}"));
        let severity = field(&rule["labels"]["severity"], "severity");
        assert!(["critical", "warning"].contains(&severity.as_str()), "{name}: severity {severity}");
        let summary = field(&rule["annotations"]["summary"], "summary");
        let description = field(&rule["annotations"]["description"], "description");
        assert!(description.len() > 60, "{name}: the description must say what to do");
        for label in shown(&summary, "$labels.").iter().chain(&shown(&description, "$labels.")) {
            assert!(labels.contains(label), "{name}: no label {label} in the result of its expression");
        }
    }
    assert!(names.len() > 15, "only {} rules", names.len());
}

#[test]
fn dashboards_are_sound() {
    let table = table();
    let folder = weft_tidy::root().join("config/grafana");
    let mut uids = BTreeSet::new();
    let mut panels = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let dashboard: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert!(uids.insert(dashboard["uid"].as_str().unwrap().to_owned()), "{}: uid twice", path.display());
        for panel in dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row") {
            let title = panel["title"].as_str().unwrap();
            let at = format!("{}, panel {title:?}", path.display());
            for target in panel["targets"].as_array().unwrap() {
                let expression = target["expr"].as_str().unwrap().replace("$instance", ".*");
                let labels = check(&table, &expression).unwrap_or_else(|why| panic!("{at}: {why}"));
                // In a quotient of sums nothing is left to show.
                for label in shown(target["legendFormat"].as_str().unwrap(), "") {
                    assert!(labels.contains(&label), "{at}: no label {label} in the result");
                }
            }
            panels += 1;
        }
    }
    assert!(uids.len() >= 3 && panels > 40, "{} dashboards with {panels} panels", uids.len());
}

#[test]
fn what_is_wrong_is_found() {
    let table = table();
    for (expression, words) in [
        ("weft_sequencer_blocks", "not in config/metrics.md"),
        ("rate(weft_rpc_seconds[5m])", "histogram"),
        ("weft_da_height_sum", "nothing else has"),
        ("weft_da_height{chain=\"1\"} > 1", "no label chain"),
        ("sum by (chain) (weft_da_height)", "label chain"),
        ("1 + 1", "no metric"),
    ] {
        let why = check(&table, expression).unwrap_err();
        assert!(why.contains(words), "{expression}: {why}");
    }
    assert!(check(&table, "sum by (le) (rate(weft_da_commit_seconds_bucket{instance=\"a\"}[5m]))").is_ok());
}
