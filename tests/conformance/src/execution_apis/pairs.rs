//! The files of requests and their answers, and whether an answer is the recorded one.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// One file: questions to be asked in order, and the answers to them.
#[derive(Clone, Debug)]
pub struct Pairs {
    /// `method/name`.
    pub name: String,
    /// Whether the file itself says that only the form of the answer counts.
    pub form_only: bool,
    /// Question and answer.
    pub exchanges: Vec<(Value, Value)>,
}

/// How a recorded answer and ours compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// JSON equal, or of the same form where no more is asked for.
    Same,
    /// The same error in other words.
    OtherWords(String),
    /// Something else.
    Different(String),
}

/// All files below a folder, in order of their names.
pub fn read_all(folder: &Path) -> std::io::Result<Vec<Pairs>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for method in std::fs::read_dir(folder)? {
        let method = method?.path();
        if method.is_dir() {
            for file in std::fs::read_dir(method)? {
                files.push(file?.path());
            }
        }
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "io"));
    files.sort_unstable();
    files.iter().map(|file| read(folder, file)).collect()
}

fn read(folder: &Path, file: &Path) -> std::io::Result<Pairs> {
    let text = std::fs::read_to_string(file)?;
    let invalid =
        |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, format!("{}: {why}", file.display()));
    let name = file.strip_prefix(folder).unwrap_or(file).with_extension("").to_string_lossy().into_owned();
    let (mut exchanges, mut asked) = (Vec::new(), None);
    let mut form_only = false;
    for line in text.lines() {
        let json = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| invalid(&error.to_string()));
        if let Some(question) = line.strip_prefix(">> ") {
            asked = Some(json(question)?);
        } else if let Some(answer) = line.strip_prefix("<< ") {
            let question = asked.take().ok_or_else(|| invalid("an answer without a question"))?;
            exchanges.push((question, json(answer)?));
        } else {
            form_only |= line.starts_with("// speconly");
        }
    }
    if exchanges.is_empty() {
        return Err(invalid("no question with an answer"));
    }
    Ok(Pairs { name, form_only, exchanges })
}

/// Compares an answer to the recorded one.
///
/// Of two errors code and data count, and whether their words agree is said: every client has its own words, and
/// Ethereum's own runner leaves them out.
pub fn compare(recorded: &Value, ours: &Value, form_only: bool) -> Compared {
    match (recorded.get("error"), ours.get("error")) {
        (None, None) => {
            let (recorded, ours) = (&recorded["result"], &ours["result"]);
            let found = if form_only { form("result", recorded, ours) } else { value("result", recorded, ours) };
            found.map_or(Compared::Same, Compared::Different)
        }
        (Some(recorded), Some(ours)) => error(recorded, ours, form_only),
        (Some(recorded), None) => {
            Compared::Different(format!("should be error {recorded}, is result {}", short(&ours["result"])))
        }
        (None, Some(ours)) => Compared::Different(format!("error {ours}")),
    }
}

fn error(recorded: &Value, ours: &Value, form_only: bool) -> Compared {
    if recorded["code"] != ours["code"] || (!form_only && recorded.get("data") != ours.get("data")) {
        return Compared::Different(format!("error {ours}, should be {recorded}"));
    }
    if recorded["message"] == ours["message"] {
        return Compared::Same;
    }
    Compared::OtherWords(format!("{}, recorded: {}", ours["message"], recorded["message"]))
}

/// Differences that are told of one answer: a hash over others comes before what it is over.
const TOLD: usize = 4;

/// The first differences.
fn value(path: &str, recorded: &Value, ours: &Value) -> Option<String> {
    let mut found = Vec::new();
    differences(path, recorded, ours, &mut found);
    (!found.is_empty()).then(|| found.join("; "))
}

fn differences(path: &str, recorded: &Value, ours: &Value, found: &mut Vec<String>) {
    if found.len() >= TOLD {
        return;
    }
    match (recorded, ours) {
        (Value::Object(want), Value::Object(got)) => {
            for key in got.keys().filter(|key| !want.contains_key(*key)) {
                found.push(format!("{path}.{key}: {}, should not be there", short(&got[key])));
            }
            for (key, want) in want {
                match got.get(key) {
                    Some(got) => differences(&format!("{path}.{key}"), want, got, found),
                    None => found.push(format!("{path}.{key}: is not there, should be {}", short(want))),
                }
            }
        }
        (Value::Array(want), Value::Array(got)) => {
            if want.len() != got.len() {
                return found.push(format!("{path}: {} items, should be {}", got.len(), want.len()));
            }
            let items = want.iter().zip(got).enumerate();
            items.for_each(|(at, (want, got))| differences(&format!("{path}[{at}]"), want, got, found));
        }
        (want, got) if want == got => {}
        (want, got) => found.push(format!("{path}: {}, should be {}", short(got), short(want))),
    }
}

/// Keys that the specification leaves open.
const OPTIONAL: [&str; 9] =
    ["deleteStrategy", "oldestBlock", "reward", "error", "memory", "storage", "returnData", "refund", "stack"];

/// The first difference in form: other keys, or another kind of value.
fn form(path: &str, recorded: &Value, ours: &Value) -> Option<String> {
    match (recorded, ours) {
        (Value::Object(want), Value::Object(got)) => {
            // A map whose keys are data has none in common with another one.
            let data = |key: &String| key.starts_with("0x") || key.bytes().all(|byte| byte.is_ascii_digit());
            let needed = |key: &&String| !OPTIONAL.contains(&key.as_str()) && !data(key);
            if let Some(key) = want.keys().filter(needed).find(|key| !got.contains_key(*key)) {
                return Some(format!("{path}.{key}: is not there"));
            }
            if let Some(key) = got.keys().filter(needed).find(|key| !want.contains_key(*key)) {
                return Some(format!("{path}.{key}: should not be there"));
            }
            want.iter().find_map(|(key, want)| form(&format!("{path}.{key}"), want, got.get(key)?))
        }
        (Value::Array(want), Value::Array(got)) => {
            let items = want.iter().zip(got).enumerate();
            items.into_iter().find_map(|(at, (want, got))| form(&format!("{path}[{at}]"), want, got))
        }
        (Value::String(want), Value::String(got)) if want.starts_with("0x") == got.starts_with("0x") => None,
        (Value::Number(_), Value::Number(_)) | (Value::Bool(_), Value::Bool(_)) | (Value::Null, Value::Null) => None,
        (want, got) => Some(format!("{path}: {}, should be of the form of {}", short(got), short(want))),
    }
}

/// For people.
fn short(value: &Value) -> String {
    const SHOWN: usize = 160;
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_told_apart() {
        let result = |value: Value| json!({ "jsonrpc": "2.0", "id": 1, "result": value });
        let error = |code: i32, words: &str| json!({ "id": 1, "error": { "code": code, "message": words } });
        let same = |recorded: Value, ours: Value, form_only| compare(&recorded, &ours, form_only) == Compared::Same;
        assert!(same(result(json!({ "a": [1, "0x2"] })), result(json!({ "a": [1, "0x2"] })), false));
        for (recorded, ours) in [
            (json!({ "a": 1 }), json!({ "a": 2 })),
            (json!({ "a": 1 }), json!({ "a": 1, "b": 1 })),
            (json!({ "a": 1, "b": 1 }), json!({ "a": 1 })),
            (json!([1]), json!([1, 1])),
            (json!(null), json!([])),
        ] {
            assert!(!same(result(recorded.clone()), result(ours.clone()), false), "{recorded} {ours}");
        }
        // Of the same form.
        assert!(same(result(json!({ "a": "0x1" })), result(json!({ "a": "0x2" })), true));
        assert!(!same(result(json!({ "a": "0x1" })), result(json!({ "a": 1 })), true));
        assert!(!same(result(json!({ "a": "0x1" })), result(json!({ "b": "0x1" })), true));
        assert!(!same(result(json!(1)), error(1, "no"), true));
        assert!(!same(error(1, "no"), result(json!(1)), true));
        assert!(!same(error(1, "no"), error(2, "no"), true));
        assert!(same(error(1, "no"), error(1, "no"), false));
        assert!(matches!(compare(&error(1, "no"), &error(1, "never"), false), Compared::OtherWords(_)));
        let with_data = json!({ "id": 1, "error": { "code": 1, "message": "no", "data": "0x" } });
        assert!(!same(with_data, error(1, "no"), false));
    }
}
