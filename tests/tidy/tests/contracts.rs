//! Compiled contracts are what their sources say, where the compiler is there (`tests/clients/setup` gets it).
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn the_withdrawals_contract_is_what_its_source_says() {
    let folder = weft_tidy::root().join("settlement/contracts");
    let Ok(output) = Command::new("node").arg(folder.join("compile.mjs")).output() else {
        println!("not compared: node is not there");
        return;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("Cannot find module") {
        println!("not compared: solc is not there");
        return;
    }
    assert!(output.status.success(), "{errors}");
    let kept = std::fs::read_to_string(folder.join("Withdrawals.hex")).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), kept, "run settlement/contracts/compile.mjs");
}
