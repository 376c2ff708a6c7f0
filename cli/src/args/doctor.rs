//! `weft doctor`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

/// A service that can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceName {
    /// `weft sequencer`.
    Sequencer,
    /// `weft da`.
    Da,
    /// `weft settlement`.
    Settlement,
    /// `weft light`.
    Light,
    /// `weft node`.
    Node,
}

impl ServiceName {
    /// All of them, in the order of their usual ports.
    pub const ALL: [Self; 5] = [Self::Sequencer, Self::Da, Self::Settlement, Self::Light, Self::Node];

    /// Its command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequencer => "sequencer",
            Self::Da => "da",
            Self::Settlement => "settlement",
            Self::Light => "light",
            Self::Node => "node",
        }
    }
}

/// `SERVICE=FILE`, or `SERVICE`.
#[derive(Clone, Debug)]
pub struct DoctorTarget {
    /// The service.
    pub service: ServiceName,
    /// Its configuration file.
    pub config: Option<PathBuf>,
}

impl FromStr for DoctorTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, config) = match text.split_once('=') {
            Some((name, path)) => (name, Some(PathBuf::from(path))),
            None => (text, None),
        };
        let service = ServiceName::ALL.into_iter().find(|service| service.name() == name);
        let service = service.ok_or("SERVICE=FILE, where SERVICE is sequencer, da, settlement, light or node")?;
        Ok(Self { service, config })
    }
}

/// Options of `weft doctor`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  weft doctor                                    what runs on this machine, at the usual ports
  weft doctor sequencer=config/sequencer.toml    before it is started, or while it runs
  weft doctor sequencer=config/sequencer.toml da=config/da.toml settlement=config/settlement.toml --json

Looks at the configuration, ports, keys, disk, clock, open files, database, and at the services that it talks to: whether
they answer, their versions, chains and addresses. Nothing is changed. Give services together that belong together: then
their keys and addresses are compared too. WEFT_* variables count as they do for the service.
Exit code 0: no problem (there may be warnings), 1: a problem.")]
pub struct DoctorArgs {
    /// What to look at, SERVICE=FILE each, or SERVICE for one without a configuration file.
    #[arg(value_name = "SERVICE=FILE")]
    pub targets: Vec<DoctorTarget>,
    /// Do not measure the disk: write nothing.
    #[arg(long)]
    pub quick: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
