//! `weft doctor` and `weft log` on services that run.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::Value;
use weft_e2e::{Cluster, Service, config, weft_binary};

fn weft(args: &[&str]) -> Output {
    Command::new(weft_binary()).args(args).output().unwrap()
}

fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A configuration file as the cluster starts the service.
fn write(cluster: &Cluster, name: &str, lines: &[(&str, String)]) -> String {
    let text: String = lines.iter().map(|(key, value)| format!("{key} = \"{value}\"\n")).collect();
    let path = cluster.folder().join(format!("{name}.toml"));
    std::fs::write(&path, text).unwrap();
    format!("{name}={}", path.display())
}

fn address(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

#[tokio::test]
async fn running_services_are_recognised_and_one_that_died_is_missed() {
    let mut cluster = Cluster::new();
    cluster.start_all().await;
    let common = |service| {
        vec![
            ("data_dir", cluster.data(service).display().to_string()),
            ("grpc_listen", address(&cluster.grpc(service))),
            ("http_listen", address(&cluster.http(service))),
        ]
    };
    let mut sequencer = common(Service::Sequencer);
    sequencer.extend([
        ("rpc_listen", "127.0.0.1:0".to_owned()),
        ("genesis", config("genesis.dev.json")),
        ("key_file", config("dev-keys/sequencer.key")),
        ("da_url", cluster.grpc(Service::Da)),
        ("settlement_url", cluster.grpc(Service::Settlement)),
    ]);
    let mut da = common(Service::Da);
    da.push(("key_file", config("dev-keys/da.key")));
    let targets = [write(&cluster, "sequencer", &sequencer), write(&cluster, "da", &da)];
    let doctor = |json: bool| {
        let mut args = vec!["doctor", &targets[0], &targets[1]];
        args.extend(json.then_some("--json"));
        weft(&args)
    };
    let output = doctor(true);
    let report = json(&output);
    let problems: Vec<&Value> =
        report["findings"].as_array().unwrap().iter().filter(|found| found["grade"] == "problem").collect();
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(output.status.code(), Some(0));
    let text = report.to_string();
    for words in ["is taken, and the service runs", "settlement's clock", "a synced write takes", "that everyone knows"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    cluster.process(Service::Settlement).kill();
    let output = doctor(false);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("PROBLEM sequencer peer: settlement at") && text.contains("-> start it"), "{text}");
    assert!(!text.contains('\x1b'), "colours go to terminals alone");
}

#[tokio::test]
async fn the_log_filter_changes_while_a_service_runs() {
    let mut cluster = Cluster::new();
    cluster.start(Service::Da);
    cluster.ready(Service::Da).await;
    let url = cluster.http(Service::Da);
    let output = weft(&["log", "--http-url", &url, "--json"]);
    assert_eq!(json(&output)["filter"], "info");
    let output = weft(&["log", "error,weft_da_node=debug", "--http-url", &url]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "weft_da_node=debug,error");
    let output = weft(&["log", "weft=loud", "--http-url", &url]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a log filter"));
    let output = weft(&["log", "--http-url", &url]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "weft_da_node=debug,error");
}
