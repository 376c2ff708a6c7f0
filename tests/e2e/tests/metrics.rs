//! What running services expose at `/metrics` is what `config/metrics.md` says.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use alloy_primitives::{Address, U256};
use serde_json::json;
use weft_e2e::{Cluster, Process, Service, config, dev_accounts};

/// A metric, as the table or a service tells it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Metric {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

/// The table's rows by name, each with the section it stands in.
fn table() -> BTreeMap<String, (String, Metric)> {
    let text = std::fs::read_to_string(config("metrics.md")).unwrap();
    let (mut section, mut rows) = (String::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.to_owned();
        } else if line.starts_with("| `weft_") {
            let cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
            let labels = cells[4].split(", ").filter(|label| !label.is_empty()).map(|label| label.replace('`', ""));
            let metric = Metric { kind: cells[2].clone(), help: cells[5].clone(), labels: labels.collect() };
            rows.insert(cells[1].replace('`', ""), (section.clone(), metric));
        }
    }
    rows
}

/// Reads Prometheus text. Labels that Prometheus itself has for histograms are left out.
fn parse(text: &str) -> BTreeMap<String, Metric> {
    let mut metrics: BTreeMap<String, Metric> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            metrics.entry(name.to_owned()).or_default().help = help.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            metrics.entry(name.to_owned()).or_default().kind = kind.to_owned();
        } else {
            let (name, labels) = line.split_once('{').unwrap_or((line.split(' ').next().unwrap(), ""));
            let part = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
            let family = part.filter(|name| metrics.contains_key(*name)).unwrap_or(name);
            let metric = metrics.get_mut(family).unwrap_or_else(|| panic!("no TYPE before {line}"));
            let names = labels.split("=\"").filter_map(|part| part.rsplit(['"', ',', '{']).next());
            let names: Vec<&str> = names.collect();
            // What follows the last `="` is a value.
            let names = names[..names.len().saturating_sub(1)].iter();
            metric.labels.extend(names.map(ToString::to_string).filter(|name| name != "le"));
        }
    }
    metrics
}

/// Waits until the text at a service's `/metrics` has `line`.
async fn scrape(url: &str, line: &str) -> String {
    let start = Instant::now();
    loop {
        let text = match reqwest::get(format!("{url}/metrics")).await {
            Ok(answer) => answer.text().await.unwrap(),
            Err(error) => error.to_string(),
        };
        if text.contains(line) {
            return text;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{url}: no {line:?} after 60 s in\n{text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn services_expose_what_the_table_says() {
    let mut cluster = Cluster::new();
    cluster.start_all().await;
    cluster.start(Service::Node);
    let http = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let light_args = ["light", "--grpc-listen", "127.0.0.1:0", "--da-url", &cluster.grpc(Service::Da)];
    let light_data = cluster.folder().join("light").display().to_string();
    let light_args = light_args.into_iter().map(str::to_owned);
    let light_args = light_args.chain(["--http-listen".into(), http.to_string(), "--data-dir".into(), light_data]);
    let _light = Process::spawn(&cluster.folder().join("light.log"), light_args);
    let raw = dev_accounts()[0].transfer(Address::repeat_byte(7), U256::ONE);
    cluster.rpc().call("eth_sendRawTransaction", json!([raw])).await.unwrap();
    // An error has its labels too.
    cluster.rpc().call("eth_noSuchMethod", json!([])).await.unwrap_err();

    let table = table();
    let mut seen = BTreeSet::new();
    let urls =
        [Service::Sequencer, Service::Da, Service::Settlement, Service::Node].map(|service| cluster.http(service));
    let [sequencer, da, settlement, node] = urls;
    // Each service with a line that it has once the transaction went through it, and its sections of the table.
    let cases = [
        (&sequencer, "weft_sequencer_finalized_block 1", vec!["Sequencer", "State", "JSON-RPC"]),
        (&da, "weft_da_height 1", vec!["DA node"]),
        (&settlement, "event=\"finalized\"} 1", vec!["Settlement"]),
        (&node, "weft_node_transactions_verified_total 1", vec!["Follower", "State", "JSON-RPC"]),
        (&format!("http://{http}"), "verdict=\"available\"} 1", vec!["Light client"]),
    ];
    for (url, line, sections) in cases {
        let exposed = parse(&scrape(url, line).await);
        for (name, metric) in &exposed {
            let hint = "add it to METRICS of its service, then `weft metrics > config/metrics.md`";
            let (_, documented) = table.get(name).unwrap_or_else(|| panic!("{url}: {name} is not documented: {hint}"));
            // Labels of a metric that does not count yet are not seen.
            assert_eq!(metric.labels, documented.labels, "{url}: labels of {name}");
            assert_eq!(metric.kind, documented.kind, "{url}: {name}");
            // One crate's metrics may show in another's process before they are announced there.
            if sections.iter().any(|section| table[name].0.starts_with(section)) {
                assert_eq!(metric.help, documented.help, "{url}: {name}");
            }
            seen.insert(name.clone());
        }
        assert!(exposed.contains_key("weft_build_info"), "{url}");
        for (name, (section, metric)) in &table {
            let always = metric.kind == "counter" && metric.labels.is_empty();
            if always && sections.iter().any(|own| section.starts_with(own)) {
                assert!(exposed.contains_key(name), "{url}: {name} is documented and not there");
            }
        }
    }
    assert!(seen.len() * 3 > table.len() * 2, "only {} of {} metrics were seen: {seen:?}", seen.len(), table.len());
}

#[test]
fn prometheus_text_is_read() {
    let text = "# HELP a Some help.\n# TYPE a histogram\na_bucket{x=\"1\",le=\"0.5\"} 1\na_sum{x=\"1\"} 2\n\n\
                # TYPE b_count gauge\nb_count 3\n";
    let metrics = parse(text);
    let labels: Vec<&str> = metrics["a"].labels.iter().map(String::as_str).collect();
    assert_eq!(
        (labels, metrics["a"].kind.as_str(), metrics["a"].help.as_str()),
        (vec!["x"], "histogram", "Some help.")
    );
    assert_eq!((metrics["b_count"].kind.as_str(), metrics["b_count"].labels.len(), metrics.len()), ("gauge", 0, 2));
}
