//! Each service by itself: any start order, restarts, graceful ends, health and metrics.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::{Value, json};
use weft_e2e::{Cluster, Service, dev_accounts, pay, until_final, weft_binary};

#[tokio::test(flavor = "multi_thread")]
async fn the_sequencer_works_alone_and_catches_up() {
    let mut cluster = Cluster::new().option(Service::Sequencer, "--batch-max-age-ms", "200");
    let mut account = dev_accounts().remove(0);
    cluster.start(Service::Sequencer);
    cluster.ready(Service::Sequencer).await;
    let first = pay(&cluster.rpc(), &mut account).await;
    assert_eq!(first, 1);
    // Settlement without DA accepts the commitment only later: nothing is posted before its data is.
    cluster.start(Service::Settlement);
    cluster.ready(Service::Settlement).await;
    let second = pay(&cluster.rpc(), &mut account).await;
    cluster.start(Service::Da);
    cluster.ready(Service::Da).await;
    until_final(&cluster.rpc(), second).await;
    // All three again, in another order, each ended gracefully.
    for service in [Service::Da, Service::Sequencer, Service::Settlement] {
        let status = cluster.process(service).terminate();
        assert!(status.success(), "{service:?} ended with {status}:\n{}", cluster.process(service).log());
        cluster.start(service);
        cluster.ready(service).await;
    }
    let third = pay(&cluster.rpc(), &mut account).await;
    until_final(&cluster.rpc(), third).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics() {
    let mut cluster = Cluster::new();
    cluster.start_all().await;
    pay(&cluster.rpc(), &mut dev_accounts().remove(1)).await;
    for (service, metric) in
        [(Service::Sequencer, "weft_sequencer_"), (Service::Da, "weft_da_"), (Service::Settlement, "weft_settlement_")]
    {
        let get = async |path: &str| {
            let answer = reqwest::get(format!("{}{path}", cluster.http(service))).await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        assert_eq!(get("/health/live").await.0, 200);
        assert_eq!(get("/health/ready").await.0, 200);
        let (status, text) = get("/metrics").await;
        assert_eq!(status, 200);
        assert!(text.contains(metric), "no {metric}* in:\n{text}");
        let (status, page) = get("/").await;
        assert_eq!(status, 200);
        assert!(page.contains("<html"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_light_client_judges_a_block() {
    let mut cluster = Cluster::new().option(Service::Sequencer, "--batch-max-age-ms", "100");
    cluster.start_all().await;
    let block = pay(&cluster.rpc(), &mut dev_accounts().remove(2)).await;
    until_final(&cluster.rpc(), block).await;
    let output = Command::new(weft_binary())
        .args(["light", "--once", "latest", "--json", "--da-url", &cluster.grpc(Service::Da)])
        .args(["--data-dir", &cluster.folder().join("light").display().to_string()])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let verdict: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(verdict["verdict"], "available");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_comes_back_from_rows() {
    let mut cluster = Cluster::new();
    cluster.start(Service::Da);
    cluster.ready(Service::Da).await;
    let (document, restored) = (cluster.folder().join("document"), cluster.folder().join("restored"));
    let bytes: Vec<u8> = (0..700_000u32).map(|at| (at * 7 / 5) as u8).collect();
    std::fs::write(&document, &bytes).unwrap();
    let run = |args: &[&str]| {
        let output = Command::new(weft_binary()).args(args).args(["--da-url", &cluster.grpc(Service::Da)]).output();
        let output = output.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), errors)
    };
    let (code, hash, errors) = run(&["blob", "put", document.to_str().unwrap(), "--quiet"]);
    assert_eq!(code, Some(0), "{errors}");
    let (code, text, errors) = run(&["light", "blob", hash.trim(), "--json", "--output", restored.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{errors}");
    let how: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&how["length"], &how["rebuilt"]), (&json!(700_000), &json!(false)));
    assert!(std::fs::read(&restored).unwrap() == bytes);
    let other = "0x".to_owned() + &"01".repeat(32);
    let (code, _, errors) = run(&["light", "blob", &other, "--height", "1"]);
    assert_eq!(code, Some(3), "{errors}");
    assert!(errors.contains("no such blob"), "{errors}");
    let (code, _, errors) = run(&["light", "blob", &other]);
    assert_eq!(code, Some(1), "{errors}");
}
