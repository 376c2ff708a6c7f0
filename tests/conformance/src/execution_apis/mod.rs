//! Ethereum's own requests and answers (ethereum/execution-apis): its test chain, imported by our execution and served
//! by our JSON-RPC, asked every recorded question.

mod dialect;
mod import;
mod pairs;
mod proof;
mod rules;
mod server;

use std::fmt;
use std::path::Path;

use crate::data::{self, Data, DataError, EXECUTION_APIS};
use pairs::{Compared, Pairs};
use server::Server;

/// Files that are not asked, and why.
const NOT_SERVED: [(&str, &str); 3] = [
    ("eth_sendRawTransaction/send-blob-tx", "blob transactions are refused: Weft has its own data availability"),
    (
        "eth_simulateV1/ethSimulate-overflow-nonce",
        "the last nonce is refused (EIP-2681); recorded is one that wraps to 0",
    ),
    ("testing_buildBlockV1/", "makes blocks for Ethereum's test harness; a sequencer's blocks are its producer's"),
];

/// Part of all files that must pass, in percent.
const LEAST_PASSED: usize = 95;

/// What became of the files.
#[derive(Debug, Default)]
pub struct Outcome {
    passed: usize,
    /// By name.
    failed: Vec<(String, String)>,
    not_served: Vec<(String, &'static str)>,
    /// Errors that agree but for their words.
    other_words: Vec<(String, String)>,
    absent: Option<String>,
}

impl Outcome {
    /// Whether enough passed, if there was anything to ask.
    pub fn is_good(&self) -> bool {
        let all = self.passed + self.failed.len() + self.not_served.len();
        self.absent.is_some() || (all > 0 && self.passed * 100 >= all * LEAST_PASSED)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, words) in &self.other_words {
            writeln!(out, "execution-apis: in other words: {name}: {words}")?;
        }
        for (name, why) in &self.not_served {
            writeln!(out, "execution-apis: not served: {name}: {why}")?;
        }
        for (name, why) in &self.failed {
            writeln!(out, "execution-apis: failed: {name}: {why}")?;
        }
        if let Some(why) = &self.absent {
            writeln!(out, "execution-apis: {why}")?;
        }
        let (failed, not_served) = (self.failed.len(), self.not_served.len());
        write!(out, "execution-apis: {} passed, {failed} failed, {not_served} not served", self.passed)
    }
}

/// Asks all that is there.
pub async fn run(build_folder: &str) -> Result<Outcome, DataError> {
    let folder = match data::find(EXECUTION_APIS, Path::new(build_folder))? {
        Data::Folder(folder) => folder,
        Data::Absent(why) => return Ok(Outcome { absent: Some(why), ..Outcome::default() }),
    };
    // The archive's root has them in a folder; a variable may name that folder, or the one with the files.
    let folder = if folder.join("tests").is_dir() { folder.join("tests") } else { folder };
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| DataError::Io { path, source }
    };
    let (genesis, blocks) = (folder.join("genesis.json"), folder.join("chain.rlp"));
    let genesis = std::fs::read_to_string(&genesis).map_err(io(&genesis))?;
    let blocks = std::fs::read(&blocks).map_err(io(&blocks))?;
    let files = pairs::read_all(&folder).map_err(io(&folder))?;
    let mut outcome = Outcome::default();
    match Server::start(&genesis, &blocks).await {
        Ok(server) => {
            for file in &files {
                ask(&server, file, &mut outcome).await;
            }
            if let Err(difference) = server.stop().await {
                outcome.failed.push(("the server's end".to_owned(), difference.to_string()));
            }
        }
        Err(difference) => outcome.failed.push(("import".to_owned(), difference.to_string())),
    }
    Ok(outcome)
}

async fn ask(server: &Server, file: &Pairs, outcome: &mut Outcome) {
    let name = file.name.clone();
    if let Some((_, why)) = NOT_SERVED.iter().find(|(prefix, _)| name.starts_with(prefix)) {
        return outcome.not_served.push((name, why));
    }
    let mut words = Vec::new();
    for (question, recorded) in &file.exchanges {
        let compared = match server.ask(question).await {
            Ok(answer) => pairs::compare(recorded, &answer, file.form_only),
            Err(difference) => Compared::Different(difference.to_string()),
        };
        match compared {
            Compared::Same => {}
            Compared::OtherWords(what) => words.push((name.clone(), what)),
            Compared::Different(why) => return outcome.failed.push((name, why)),
        }
    }
    outcome.passed += 1;
    outcome.other_words.extend(words);
}
