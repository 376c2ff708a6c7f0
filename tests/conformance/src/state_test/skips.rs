//! State tests whose expectations are not those of any fork that revm knows.

/// Folders, and why.
const FOLDERS: [(&str, &str); 2] = [
    ("stEIP2537", "BLS12-381 as drafted in 2024, at other addresses and prices than in Prague; executors agree"),
    ("stEOF", "EVM object format, withdrawn from Prague; executors agree"),
];

/// Files of tests that create a contract where there is storage but no code.
const EIP_7610: [&str; 5] = [
    "InitCollisionParis.json",
    "RevertInCreateInInitCreate2Paris.json",
    "RevertInCreateInInit_Paris.json",
    "create2collisionStorageParis.json",
    "dynamicAccountOverwriteEmpty_Paris.json",
];

/// Why.
const NO_EIP_7610: &str = "creation on top of storage (EIP-7610): revm does not refuse it; executors agree";

/// Files that are not run at all, and why.
const NOT_RUN: [(&str, &str); 1] = [(
    "CALLBlake2f_MaxRounds.json",
    "CALLBlake2f_MaxRounds: 4,294,967,295 rounds of BLAKE2f, most of a minute for each of a dozen executions",
)];

/// Why a file is not run.
pub(super) fn not_run(file: &str) -> Option<&'static str> {
    NOT_RUN.iter().find(|(name, _)| file.ends_with(name)).map(|(_, why)| *why)
}

/// Why what a file expects is not asked for; the executors have to agree all the same.
pub(super) fn reason(file: &str) -> Option<&'static str> {
    let folder = |(folder, _): &&(&str, &str)| file.split('/').any(|part| part == *folder);
    if let Some((_, why)) = FOLDERS.iter().find(folder) {
        return Some(why);
    }
    let name = file.rsplit('/').next().unwrap_or(file);
    EIP_7610.contains(&name).then_some(NO_EIP_7610)
}
