//! What holds for every command, and for the files that start services.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use clap::{Command, CommandFactory};
use yaml_rust2::{Yaml, YamlLoader};

use super::Cli;
use crate::config_file::with_environment;

/// Commands that print no result: services, which log, and what prints for a shell.
const NO_RESULT: [&str; 5] = ["weft sequencer", "weft da", "weft settlement", "weft node", "weft completions"];

/// All commands that can be run, by their full names.
fn commands() -> Vec<(String, Command)> {
    fn walk(path: &str, command: &Command, found: &mut Vec<(String, Command)>) {
        let path = format!("{path} {}", command.get_name()).trim_start().to_owned();
        if !command.is_subcommand_required_set() && !command.is_arg_required_else_help_set() {
            found.push((path.clone(), command.clone()));
        }
        command.get_subcommands().filter(|sub| sub.get_name() != "help").for_each(|sub| walk(&path, sub, found));
    }
    let mut found = Vec::new();
    Cli::command().get_subcommands().for_each(|sub| walk("weft", sub, &mut found));
    assert!(found.len() > 30, "only {} commands", found.len());
    found
}

#[test]
fn every_command_shows_an_example_that_names_it() {
    for (name, command) in commands() {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(text.contains("Example") && text.contains(&name), "{name} has no example in its help: {text:?}");
    }
}

#[test]
fn whatever_prints_a_result_can_print_it_as_json() {
    for (name, command) in commands() {
        let json = command.get_arguments().any(|argument| argument.get_long() == Some("json"));
        assert!(
            json != NO_RESULT.contains(&name.as_str()),
            "{name}: --json is {}",
            if json { "there" } else { "missing" }
        );
    }
}

#[test]
fn every_command_and_option_says_what_it_is() {
    for (name, command) in commands() {
        assert!(command.get_about().is_some(), "{name}");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some() || argument.get_id() == "help", "{name} {}", argument.get_id());
        }
    }
    Cli::command().debug_assert();
}

fn deploy(name: &str) -> PathBuf {
    // Of the run, which need not be that of the build where clones share a build folder.
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(folder).join("../config/deploy").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(deploy(name)).unwrap()
}

/// Whether the command line takes these words; nothing is run.
fn check(words: &[String]) {
    let parsed = with_environment(Cli::command()).try_get_matches_from(words);
    assert!(parsed.is_ok(), "{words:?}: {}", parsed.unwrap_err());
}

#[test]
fn units_start_services_as_they_are_started() {
    let mut units = 0;
    for entry in std::fs::read_dir(deploy("systemd")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let start = text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/")).unwrap();
        let words: Vec<String> = start.split(' ').map(|word| word.replace("${", "/").replace('}', "")).collect();
        check(&words);
        assert_eq!(path.file_stem().unwrap().to_str().unwrap(), format!("weft-{}", words[1]));
        for line in ["DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", "LimitNOFILE=65536"] {
            assert!(text.lines().any(|found| found == line), "{}: no {line}", path.display());
        }
        assert!(text.contains(&format!("StateDirectory=weft-{}\n", words[1])), "{}", path.display());
        units += 1;
    }
    assert_eq!(units, 5);
}

/// The scalars of a list.
fn texts(list: &Yaml) -> Vec<String> {
    list.as_vec().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_compose_file_starts_services_as_they_are_started() {
    let documents = YamlLoader::load_from_str(&read("compose.yaml")).unwrap();
    let services = documents[0]["services"].as_hash().unwrap();
    let volumes = documents[0]["volumes"].as_hash().unwrap();
    let variables: Vec<String> = with_environment(Cli::command())
        .get_subcommands()
        .flat_map(|command| command.get_arguments().filter_map(|argument| argument.get_env()).collect::<Vec<_>>())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let mut ours = 0;
    for (name, service) in services {
        let name = name.as_str().unwrap();
        for volume in service["volumes"].as_vec().into_iter().flatten() {
            let source = volume.as_str().unwrap().split(':').next().unwrap();
            let there = if source.starts_with('.') {
                deploy(source).exists()
            } else {
                volumes.contains_key(&Yaml::String(source.to_owned()))
            };
            assert!(there, "{name}: no {source}");
        }
        if service["command"].is_badvalue() {
            continue;
        }
        let words: Vec<String> = std::iter::once("weft".to_owned()).chain(texts(&service["command"])).collect();
        check(&words);
        assert_eq!(words[1], name);
        let http = words.iter().find_map(|word| word.strip_prefix("--http-listen=0.0.0.0:")).unwrap();
        let health = service["environment"]["HEALTH_URL"].as_str();
        let image =
            read("Containerfile").lines().find_map(|line| line.strip_prefix("ENV HEALTH_URL=").map(str::to_owned));
        let health = health.map_or_else(|| image.unwrap(), str::to_owned);
        assert_eq!(health, format!("http://127.0.0.1:{http}/health/ready"), "{name}");
        for (variable, _) in service["environment"].as_hash().into_iter().flatten() {
            let variable = variable.as_str().unwrap();
            assert!(variable == "HEALTH_URL" || variables.iter().any(|known| known == variable), "{name}: {variable}");
        }
        ours += 1;
    }
    assert_eq!(ours, 5);
    for name in ["prometheus.yaml", "grafana-source.yaml", "grafana-dashboards.yaml"] {
        assert_eq!(YamlLoader::load_from_str(&read(name)).unwrap().len(), 1, "{name}");
    }
    let targets = read("prometheus.yaml");
    for service in ["sequencer:9101", "da:9201", "settlement:9301", "light:9401", "node:9501"] {
        assert!(targets.contains(service), "prometheus.yaml does not scrape {service}");
    }
}
