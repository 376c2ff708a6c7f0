//! Keystores and keys in the environment, and the accounts of `weft dev`, as users have them.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weft_e2e::{Process, Rpc, weft_binary};

fn weft(folder: &Path, environment: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(weft_binary());
    command.current_dir(folder).args(args).envs(environment.iter().copied());
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn keys_are_encrypted_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| weft(folder.path(), &[], args);
    std::fs::write(folder.path().join("password"), "long live the king\n").unwrap();
    let password = ["--password-file", "password"];
    let with = |args: &[&str]| run(&[args, &password[..]].concat());
    let address = text(&with(&["keys", "new", "a.json", "--keystore"]));
    assert_eq!(text(&with(&["keys", "show", "a.json"])), address);
    assert_eq!(
        text(&weft(folder.path(), &[("WEFT_PASSWORD", "long live the king")], &["keys", "show", "a.json"])),
        address
    );
    let refused = weft(folder.path(), &[("WEFT_PASSWORD", "other")], &["keys", "show", "a.json"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("wrong password") && refused.status.code() == Some(1));
    let refused = run(&["keys", "show", "a.json"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--password-file"));
    assert_eq!(text(&with(&["keys", "export", "a.json", "plain.key"])), address);
    assert_eq!(text(&run(&["keys", "show", "plain.key"])), address);
    assert_eq!(text(&with(&["keys", "import", "plain.key", "b.json"])), address);
    assert!(!with(&["keys", "import", "plain.key", "b.json"]).status.success(), "nothing is overwritten");
    let listed: Value = serde_json::from_str(&text(&run(&["keys", "list", ".", "--json"]))).unwrap();
    let listed: Vec<(&str, bool)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|key| (key["path"].as_str().unwrap(), key["keystore"].as_bool().unwrap()))
        .collect();
    assert_eq!(listed, [("./a.json", true), ("./b.json", true), ("./plain.key", false)]);
    for file in ["a.json", "plain.key"] {
        let mode = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

/// Runs `weft ARGS` on a terminal of its own, and types each answer when what comes before it is asked. All that the
/// terminal has shown, and how it ended.
fn on_a_terminal(folder: &Path, args: &str, answers: &[(&str, &str)]) -> (String, ExitStatus) {
    // Of util-linux, in every Debian. It shows what is typed, unless the program forbids it.
    let command = format!("{} {args}", weft_binary().canonicalize().unwrap().display());
    let mut script = Command::new("script")
        .args(["--quiet", "--return", "--echo", "always", "--command", &command, "/dev/null"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut typed, mut shown, mut screen) = (script.stdin.take().unwrap(), script.stdout.take().unwrap(), Vec::new());
    let mut from = 0;
    for (question, answer) in answers {
        while !String::from_utf8_lossy(&screen[from..]).contains(question) {
            let mut some = [0; 256];
            let count = shown.read(&mut some).unwrap();
            assert!(count > 0, "never asked {question}: {}", String::from_utf8_lossy(&screen));
            screen.extend_from_slice(&some[..count]);
        }
        from = screen.len();
        // What is typed before the echo is off is thrown away, as with every such question.
        std::thread::sleep(Duration::from_secs(1));
        typed.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
    drop(typed);
    shown.read_to_end(&mut screen).unwrap();
    (String::from_utf8(screen).unwrap(), script.wait().unwrap())
}

#[test]
fn a_password_is_asked_for_on_a_terminal_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "long live the queen";
    let new = [("New password of a.json: ", secret), ("The same again: ", secret)];
    let (screen, ended) = on_a_terminal(folder.path(), "keys new a.json --keystore", &new);
    assert!(ended.success() && !screen.contains("queen"), "{screen}");
    let address = screen.lines().last().unwrap().trim().to_owned();
    let show = [("Password of a.json: ", secret)];
    let (screen, ended) = on_a_terminal(folder.path(), "keys show a.json", &show);
    assert!(ended.success() && screen.contains(&address) && !screen.contains("queen"), "{screen}");
    assert_eq!(text(&weft(folder.path(), &[("WEFT_PASSWORD", secret)], &["keys", "show", "a.json"])), address);
    // A slip of the finger, and nothing at all.
    let slip = [("New password of b.json: ", secret), ("The same again: ", "long live the quen")];
    let (screen, ended) = on_a_terminal(folder.path(), "keys new b.json --keystore", &slip);
    assert!(!ended.success() && screen.contains("differ"), "{screen}");
    let (screen, ended) = on_a_terminal(folder.path(), "keys new b.json --keystore", &[("New password", "")]);
    assert!(!ended.success() && screen.contains("empty"), "{screen}");
    assert!(!folder.path().join("b.json").exists());
}

#[tokio::test]
async fn dev_has_the_accounts_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let words = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
    let ports = ["rpc", "sequencer-grpc", "sequencer-http", "da-grpc", "da-http", "settlement-grpc", "settlement-http"];
    let ports =
        ports.into_iter().chain(["light-grpc", "light-http"]).flat_map(|name| [format!("--{name}-port"), "0".into()]);
    let args = ["dev", "--json", "--accounts", "2", "--balance", "500", "--chain-id", "1337", "--mnemonic", words];
    let log = folder.path().join("log");
    let mut dev = Process::spawn(&log, args.into_iter().map(str::to_owned).chain(ports));
    let start = Instant::now();
    while !dev.log().ends_with("ready\n") {
        assert!(start.elapsed() < Duration::from_secs(60) && dev.ended().is_none(), "{}", dev.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let line = dev.log();
    let line = line.lines().rev().find(|line| line.starts_with('{')).unwrap().to_owned();
    let told: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(told["chain_id"], 1337);
    let url = format!("http://{}", told["rpc"].as_str().unwrap());
    let rpc = Rpc::new(url.clone());
    assert_eq!(rpc.call("eth_chainId", json!([])).await.unwrap(), "0x539");
    let balance = async |address: &str| rpc.call("eth_getBalance", json!([address, "latest"])).await.unwrap();
    // 500 ether; the second account of the mnemonic; and none of those of the usual one.
    assert_eq!(balance("0x9858EfFD232B4033E47d90003D41EC34EcaEda94").await, "0x1b1ae4d6e2ef500000");
    assert_eq!(balance("0x6Fac4D18c912343BF86fa7049364Dd4E424Ab9C0").await, "0x1b1ae4d6e2ef500000");
    assert_eq!(balance("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266").await, "0x0");
    // The first account's key, from the environment.
    let key = "0x1ab42cc412b618bdea3a599e3c9bae199ebf030895b039e9db1e30dafb12b727";
    let to = "0x00000000000000000000000000000000000000aa";
    let send = ["tx", "transfer", "--to", to, "--value", "1ether", "--rpc-url", &url, "--quiet"];
    text(&weft(folder.path(), &[("WEFT_SECRET_KEY", key)], &send));
    assert_eq!(balance(to).await, "0xde0b6b3a7640000");
    assert_eq!(
        rpc.call("eth_getTransactionCount", json!(["0x9858EfFD232B4033E47d90003D41EC34EcaEda94", "latest"]))
            .await
            .unwrap(),
        "0x1"
    );
}
