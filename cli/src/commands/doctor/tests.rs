//! Configurations that are fine, and each thing that can be wrong with one.
#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::args::{DoctorArgs, DoctorTarget, ServiceName};

use super::finding::{Grade, Report};
use super::plan::Plan;
use super::{checks, examine};

/// Configurations of all three services in a folder, with ports that are free.
struct Rollup {
    folder: tempfile::TempDir,
    ports: [u16; 7],
}

impl Rollup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let held: Vec<TcpListener> = (0..7).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports = std::array::from_fn(|at| held[at].local_addr().unwrap().port());
        let rollup = Self { folder, ports };
        let [sequencer, da] = ["sequencer", "da"].map(|name| {
            weft_service::key_file::create(&rollup.path(&format!("{name}.key"))).unwrap().address().to_string()
        });
        let [a, b, c, d, e, f, g] = ports;
        let home = rollup.folder.path().display();
        rollup.write(
            "sequencer",
            &format!(
                "data_dir = \"{home}/sequencer\"\nkey_file = \"{home}/sequencer.key\"\ngrpc_listen = \"127.0.0.1:{a}\"\n\
                 http_listen = \"127.0.0.1:{b}\"\nrpc_listen = \"127.0.0.1:{c}\"\nda_url = \"http://127.0.0.1:{d}\"\n\
                 settlement_url = \"http://127.0.0.1:{f}\"\n"
            ),
        );
        rollup.write(
            "da",
            &format!(
                "data_dir = \"{home}/da\"\nkey_file = \"{home}/da.key\"\ngrpc_listen = \"127.0.0.1:{d}\"\n\
                 http_listen = \"127.0.0.1:{e}\"\n"
            ),
        );
        rollup.write(
            "settlement",
            &format!(
                "data_dir = \"{home}/settlement\"\ngrpc_listen = \"127.0.0.1:{f}\"\nhttp_listen = \"127.0.0.1:{g}\"\n\
                 da_url = \"http://127.0.0.1:{d}\"\nsequencer_address = \"{sequencer}\"\nda_address = \"{da}\"\n"
            ),
        );
        rollup
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, service: &str, text: &str) {
        std::fs::write(self.path(&format!("{service}.toml")), text).unwrap();
    }

    /// Changes a configuration.
    fn replace(&self, service: &str, old: &str, new: &str) {
        let path = self.path(&format!("{service}.toml"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{text}");
        std::fs::write(path, text.replace(old, new)).unwrap();
    }

    async fn examine(&self) -> Report {
        let targets = ["sequencer", "da", "settlement"].map(|name| {
            let file = self.path(&format!("{name}.toml"));
            format!("{name}={}", file.display()).parse::<DoctorTarget>().unwrap()
        });
        examine(&DoctorArgs { targets: targets.to_vec(), quick: true, json: false }).await
    }
}

/// What is not fine, apart from peers that do not run here and the limits of this machine.
fn complaints(report: &Report) -> Vec<String> {
    let foreign = |check: &str| ["peer", "open files", "clock", "disk"].contains(&check);
    let findings = report.findings.iter().filter(|found| found.grade != Grade::Fine && !foreign(found.check));
    findings
        .map(|found| {
            assert!(found.fix.as_ref().is_some_and(|fix| !fix.is_empty()), "no fix: {found:?}");
            format!("{} {}: {}", found.service, found.check, found.found)
        })
        .collect()
}

#[tokio::test]
async fn what_is_fine_is_left_alone() {
    let rollup = Rollup::new();
    let before = names(rollup.folder.path());
    let report = rollup.examine().await;
    assert_eq!(complaints(&report), Vec::<String>::new());
    assert_eq!(names(rollup.folder.path()), before, "the doctor must make nothing");
    let peers = report.findings.iter().filter(|found| found.check == "peer" && found.grade == Grade::Problem);
    // The sequencer's two and settlement's one: nothing runs.
    assert_eq!(peers.count(), 3, "{report:?}");
    assert!(report.has_problems());
    let json = serde_json::to_value(&report).unwrap();
    assert!(
        json["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|found| found["grade"] == "problem" && found["fix"].is_string())
    );
    let text = report.text();
    assert!(text.contains("PROBLEM sequencer peer") && text.ends_with("warnings"), "{text}");
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn each_fault_is_found() {
    let rollup = Rollup::new();
    let taken = TcpListener::bind(("127.0.0.1", rollup.ports[1])).unwrap();
    std::fs::set_permissions(rollup.path("da.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    rollup.replace("settlement", "da_address = \"0x", "da_address = \"0x1111111111111111111111111111111111111111\" #");
    std::fs::write(rollup.path("sequencer.key"), "no key").unwrap();
    let found = complaints(&rollup.examine().await).join("\n");
    drop(taken);
    for words in [
        &format!("sequencer port: 127.0.0.1:{} (--http-listen) is taken", rollup.ports[1]),
        "da key: others may read",
        "settlement agreement: the DA node's key",
        "sequencer key: key file",
    ] {
        assert!(found.contains(words), "{words}: {found}");
    }
}

#[tokio::test]
async fn wrong_configurations_are_told() {
    let rollup = Rollup::new();
    rollup.replace("sequencer", "da_url", "da_urrl");
    rollup.replace("da", "http_listen", "http_listen = \"nowhere\" #");
    rollup.replace("settlement", "da_address", "# da_address");
    let found = complaints(&rollup.examine().await).join("\n");
    for words in ["sequencer configuration: ", "did you mean `da-url`", "da configuration: invalid value 'nowhere'"] {
        assert!(found.contains(words), "{words}: {found}");
    }
    assert!(found.contains("settlement configuration: --da-address is needed"), "{found}");
}

/// What each thing in the way of a database is taken for: `weft_settlement_node::store`.
#[tokio::test]
async fn databases_that_cannot_be_used_are_told_with_what_to_do() {
    let rollup = Rollup::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut before = "data_dir".to_owned();
    for (url, words, fix) in [
        (format!("postgres://weft:hush@{nobody}/rollup"), "no server answers", "start the server"),
        // Takes the connection, and says nothing.
        (format!("postgres://weft:hush@{}/rollup", silent.local_addr().unwrap()), "no answer within", "a firewall"),
        ("postgres://weft:hush@host:port/rollup".to_owned(), "no URL of a database", "postgres://USER"),
    ] {
        let line = format!("database_url = \"{url}\"\ndata_dir");
        rollup.replace("settlement", &before, &line);
        before = line;
        let report = rollup.examine().await;
        let found = report.findings.iter().find(|found| found.check == "database").unwrap();
        assert_eq!(found.grade, Grade::Problem, "{found:?}");
        assert!(found.found.contains(words) && found.fix.as_ref().unwrap().contains(fix), "{found:?}");
        assert!(!format!("{report:?}{}", report.text()).contains("hush"), "{report:?}");
    }
}

#[test]
fn the_example_files_make_plans() {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let config = Path::new(&root).join("../config");
    for service in ServiceName::ALL {
        // Their paths begin at the root of the repository.
        let text = std::fs::read_to_string(config.join(format!("{}.toml", service.name()))).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("service.toml");
        std::fs::write(&file, text.replace("\"config/", &format!("\"{}/", config.display()))).unwrap();
        let plan = Plan::of(&DoctorTarget { service, config: Some(file) }).unwrap();
        assert!(plan.service == service && plan.listens.len() >= 2 && !plan.data_dir.as_os_str().is_empty());
        assert!(checks::ports::check(&plan, true).len() >= 2);
    }
}

#[test]
fn two_listeners_need_two_ports() {
    let mut plan = Plan::usual().remove(0);
    plan.listens =
        vec![("grpc-listen", "127.0.0.1:19".parse().unwrap()), ("http-listen", "127.0.0.1:19".parse().unwrap())];
    let found = checks::ports::check(&plan, false);
    assert!(found.iter().any(|found| found.found.contains("--grpc-listen and --http-listen are both")), "{found:?}");
}
