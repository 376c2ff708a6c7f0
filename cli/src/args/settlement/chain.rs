//! One chain's options, from the command line and from a `[[chain]]` table.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use weft_da::Target;
use weft_primitives::Address;
use weft_settlement::Terms;
use weft_settlement_node::{ChainSettings, Quotas};

use super::{ChainArgs, ModeName};
use crate::args::sequencer::load_chain;
use crate::output::Failure;
use crate::quantity;

/// A `[[chain]]` table: any of a chain's options, under the same names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChainTable {
    genesis: Option<PathBuf>,
    sequencer_address: Option<Address>,
    admin_address: Option<Address>,
    mode: Option<ModeName>,
    #[serde(deserialize_with = "duration")]
    challenge_window: Option<u64>,
    availability_deadline_ms: Option<u64>,
    verifiers: Option<Vec<Address>>,
    verifiers_needed: Option<usize>,
    da_url: Option<String>,
    da_address: Option<Address>,
    mirrors: Option<Vec<String>>,
    confidence: Option<f64>,
    max_pending_commitments: Option<usize>,
    max_inbox_queue: Option<u64>,
    max_posts_per_minute: Option<u32>,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    quantity::duration_ms(&text).map(Some).map_err(serde::de::Error::custom)
}

impl FromStr for ChainTable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }
}

impl ChainTable {
    /// The table's options, and the general ones where it has none.
    pub fn over(&self, general: &ChainArgs) -> ChainArgs {
        let table = self.clone();
        ChainArgs {
            genesis: table.genesis.or_else(|| general.genesis.clone()),
            sequencer_address: table.sequencer_address.or(general.sequencer_address),
            admin_address: table.admin_address.or(general.admin_address),
            mode: table.mode.unwrap_or(general.mode),
            challenge_window: table.challenge_window.unwrap_or(general.challenge_window),
            availability_deadline_ms: table.availability_deadline_ms.unwrap_or(general.availability_deadline_ms),
            verifiers: table.verifiers.unwrap_or_else(|| general.verifiers.clone()),
            verifiers_needed: table.verifiers_needed.unwrap_or(general.verifiers_needed),
            da_url: table.da_url.unwrap_or_else(|| general.da_url.clone()),
            da_address: table.da_address.or(general.da_address),
            mirrors: table.mirrors.unwrap_or_else(|| general.mirrors.clone()),
            confidence: table.confidence.unwrap_or(general.confidence),
            max_pending_commitments: table.max_pending_commitments.unwrap_or(general.max_pending_commitments),
            max_inbox_queue: table.max_inbox_queue.unwrap_or(general.max_inbox_queue),
            max_posts_per_minute: table.max_posts_per_minute.unwrap_or(general.max_posts_per_minute),
        }
    }
}

impl ChainArgs {
    /// The service's settings for this chain.
    pub fn to_settings(&self) -> Result<ChainSettings, Failure> {
        let missing = |option: &str, what: &str| {
            Failure(format!("--{option} is needed: {what} (`weft keys show KEYFILE` prints an address)"))
        };
        let chain = load_chain(self.genesis.as_deref())?;
        let sequencer =
            self.sequencer_address.ok_or_else(|| missing("sequencer-address", "whose commitments are taken"))?;
        let da_signer = self.da_address.ok_or_else(|| missing("da-address", "whose DA headers are taken"))?;
        let terms = Terms {
            sequencer,
            admin: self.admin_address,
            mode: self.mode.mode(self.challenge_window),
            availability_deadline_ms: self.availability_deadline_ms,
            verifiers: self.verifiers.clone(),
            verifiers_needed: self.verifiers_needed,
        };
        Ok(ChainSettings {
            chain,
            terms: terms.checked()?,
            da_url: self.da_url.clone(),
            da_signer,
            target: Target::new(self.confidence)?,
            mirrors: self.mirrors.clone(),
            quotas: Quotas {
                max_pending_commitments: self.max_pending_commitments,
                max_inbox_queue: self.max_inbox_queue,
                max_posts_per_minute: self.max_posts_per_minute,
            },
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::{CommandFactory, FromArgMatches};
    use weft_settlement::Mode;

    use crate::args::{Cli, Command, SettlementArgs};

    fn parse(toml: &str) -> Result<SettlementArgs, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settlement.toml");
        std::fs::write(&file, toml).unwrap();
        let args = ["weft", "settlement", "--config", file.to_str().unwrap()].map(std::ffi::OsString::from);
        let command = crate::config_file::with_file(Cli::command(), &args).map_err(|error| error.to_string())?;
        let matches = command.try_get_matches_from(args).map_err(|error| error.to_string())?;
        match Cli::from_arg_matches(&matches).unwrap().command {
            Command::Settlement(args) => Ok(*args),
            other => panic!("{other:?}"),
        }
    }

    const KEYS: &str = "sequencer_address = \"0x1111111111111111111111111111111111111111\"\n\
                        da_address = \"0x2222222222222222222222222222222222222222\"\n";

    #[test]
    fn tables_lie_over_the_general_options() {
        let toml = format!(
            "{KEYS}max_posts_per_minute = 60\n[[chain]]\n[[chain]]\nmode = \"optimistic\"\nchallenge_window = \"10m\"\n\
             max_inbox_queue = 5\nsequencer_address = \"0x3333333333333333333333333333333333333333\"\n"
        );
        let args = parse(&toml).unwrap();
        let [first, second] = [0, 1].map(|at| args.chain[at].over(&args.settings).to_settings().unwrap());
        assert_eq!((first.terms.mode, second.terms.mode), (Mode::Verified, Mode::Optimistic { window_ms: 600_000 }));
        assert_eq!((first.terms.sequencer.0[0], second.terms.sequencer.0[0]), (0x11, 0x33));
        assert_eq!((first.quotas.max_posts_per_minute, second.quotas.max_posts_per_minute), (60, 60));
        assert_ne!(first.quotas.max_inbox_queue, second.quotas.max_inbox_queue);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let args = parse(KEYS).unwrap();
        assert!(args.chain.is_empty() && args.settings.to_settings().is_ok());
        for (toml, words) in [
            ("[[chain]]\nmodus = \"verified\"\n", "modus"),
            ("[[chain]]\nmode = \"quick\"\n", "quick"),
            ("[[chain]]\nchallenge_window = \"soon\"\n", "soon"),
        ] {
            let error = parse(&format!("{KEYS}{toml}")).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let alone = parse(&format!("{KEYS}verifiers_needed = 1\n")).unwrap();
        assert!(alone.settings.to_settings().unwrap_err().to_string().contains("1 verifiers must agree"));
        assert!(parse("").unwrap().settings.to_settings().unwrap_err().to_string().contains("--sequencer-address"));
    }
}
