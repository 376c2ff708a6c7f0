//! The command line. Every long option is also an environment variable (`WEFT_*`) and a key of the file named by
//! `--config`; see [`crate::config_file`].

mod bridge;
mod clients;
mod da;
mod dev;
mod doctor;
mod light;
mod log;
mod node;
mod operations;
mod page;
pub mod sequencer;
mod settlement;

#[cfg(test)]
mod tests;

use clap::{Parser, Subcommand};

pub use bridge::{ClaimArgs, DepositArgs, Following, ForceArgs, Signing, WithdrawArgs};
pub use clients::{BenchCommand, BlobCommand, DaEndpoint, Endpoints, Sender, TxCommand, VerifyArgs, Waited};
pub(crate) use da::load_key;
pub use da::{DaArgs, DaCommand};
pub use dev::DevArgs;
pub use doctor::{DoctorArgs, DoctorTarget, ServiceName};
pub use light::{LightArgs, LightBlobArgs, LightCommand};
pub use log::LogArgs;
pub use node::{NodeArgs, NodeCommand, SnapshotCommand};
pub use operations::{CompletionsArgs, LogCommandArgs, MetricsArgs};
pub use page::PageArgs;
pub use sequencer::SequencerArgs;
pub use settlement::{SettlementArgs, SettlementClientCommand, SettlementEndpoint};

use crate::commands::keys::Keys;

const AFTER_HELP: &str = "Examples:
  weft dev                                     a whole rollup on this machine
  weft tx transfer --to 0x7099.. --value 1ether
  weft light --once latest                     sample the newest DA block
  weft verify --all                            re-execute everything from genesis
  weft sequencer --config config/sequencer.toml
  weft node --config config/node.toml          follow the chain, verify all of it, serve it

Every option is also an environment variable (--da-url: WEFT_DA_URL) and a key of the file given by --config.";

/// Weft: a modular rollup stack.
#[derive(Debug, Parser)]
#[command(name = "weft", version, about, after_help = AFTER_HELP, propagate_version = true)]
pub struct Cli {
    /// File with the password of key files that are encrypted (keystores); else the variable WEFT_PASSWORD, else it is
    /// asked for on the terminal.
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<std::path::PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a whole rollup in one process: sequencer, DA node, settlement, light client.
    Dev(Box<DevArgs>),
    /// Run the sequencer.
    Sequencer(Box<SequencerArgs>),
    /// Run the data-availability node, or restore its data.
    Da(Box<DaArgs>),
    /// Run the settlement service, or ask one.
    Settlement(Box<SettlementArgs>),
    /// Run a follower: derives the chain from settlement and DA, executes everything again, serves it read-only; or write
    /// and read snapshots.
    Node(Box<NodeArgs>),
    /// Sample the DA layer: a daemon, or one block with --once; restore blobs from rows.
    Light(Box<LightArgs>),
    /// Send transactions and follow them.
    #[command(subcommand)]
    Tx(TxCommand),
    /// Move value from an account at settlement to the rollup.
    Deposit(DepositArgs),
    /// Move value from the rollup to an account at settlement.
    Withdraw(WithdrawArgs),
    /// Have settlement pay a withdrawal that is final.
    Claim(ClaimArgs),
    /// Store documents on the DA layer, get them back, prove them.
    #[command(subcommand)]
    Blob(BlobCommand),
    /// Re-execute batches and judge their commitments. Exit code 0: Valid, 3: Invalid, 4: Undecided.
    Verify(VerifyArgs),
    /// Measure this stack.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Make and show key files.
    #[command(subcommand)]
    Keys(Keys),
    /// Look for what is wrong, or will be, and say what to do. Exit code 1: there is a problem.
    Doctor(DoctorArgs),
    /// List every metric that services expose.
    Metrics(MetricsArgs),
    /// Show or change what a running service logs.
    Log(LogCommandArgs),
    /// Print a completion script for a shell.
    Completions(CompletionsArgs),
}
