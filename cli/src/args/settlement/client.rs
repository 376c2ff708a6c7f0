//! Questions to a settlement service, and orders.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use weft_primitives::{Address, U256};

use crate::amount;
use crate::args::Signing;

/// Questions to a settlement service, and orders.
#[derive(Subcommand, Clone, Debug)]
pub enum SettlementClientCommand {
    /// Rules and heads of the chain, the log and the inbox.
    #[command(after_help = "Example:\n  weft settlement status --json")]
    Status(SettlementEndpoint),
    /// Canonical commitments and their states.
    #[command(after_help = "Example:\n  weft settlement commitments --from 100 --limit 10")]
    Commitments {
        /// First batch.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoint: SettlementEndpoint,
    },
    /// One commitment, every field.
    #[command(after_help = "Example:\n  weft settlement show 7")]
    Show {
        /// Its batch.
        batch: u64,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoint: SettlementEndpoint,
    },
    /// An account: balance, nonce; and what all accounts, escrow and claims come to.
    #[command(after_help = "Example:\n  weft settlement account 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")]
    Account {
        /// Whose.
        address: Address,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoint: SettlementEndpoint,
    },
    /// Credit an account, as the chain's admin.
    #[command(after_help = "Example:\n  weft settlement fund --to 0xf39F.. --value 10ether --key-file admin.key")]
    Fund {
        /// Whose account.
        #[arg(long)]
        to: Address,
        /// Amount, as 0.5ether, 20gwei or 1000 (wei).
        #[arg(long, value_parser = amount::parse)]
        value: U256,
        #[command(flatten)]
        #[allow(missing_docs)]
        signing: Signing,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoint: SettlementEndpoint,
    },
    /// Go on without the sequencer: append the batch of inbox items that it has left out for too long, and follow it
    /// until it is final. Anyone may. In mode optimistic everything is re-executed from genesis first, for the witness that
    /// settlement makes the batch on.
    #[command(
        after_help = "Examples:\n  weft settlement force-batch\n  weft settlement force-batch --genesis genesis.json"
    )]
    ForceBatch {
        /// Genesis file; the development chain if not given. Mode optimistic.
        #[arg(long)]
        genesis: Option<PathBuf>,
        /// gRPC URL of a DA node. Mode optimistic.
        #[arg(long, default_value = "http://127.0.0.1:9200")]
        da_url: String,
        /// Longest wait, seconds.
        #[arg(long, default_value_t = 600)]
        timeout_s: u64,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoint: SettlementEndpoint,
    },
    /// Show that a commitment is false, in mode optimistic: re-execute everything from genesis, note what the batch
    /// touches of the state, and have settlement judge it by that. Exit code 3: false and rejected, 0: true, 4: undecided.
    #[command(after_help = "Examples:\n  weft settlement challenge 7\n  weft settlement challenge 7 --json")]
    Challenge {
        /// The batch.
        batch: u64,
        /// Challenge it even if it is found true here.
        #[arg(long)]
        force: bool,
        /// Genesis file; the development chain if not given.
        #[arg(long)]
        genesis: Option<PathBuf>,
        /// gRPC URL of a DA node.
        #[arg(long, default_value = "http://127.0.0.1:9200")]
        da_url: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoint: SettlementEndpoint,
    },
    /// Report that the sequencer promised another block than it posted: a follower that knows the sequencer writes such
    /// files. If it holds, posting is frozen until the chain's admin changes the key.
    #[command(after_help = "Examples:
  weft settlement evidence data/node/evidence/17-0x3f..evidence
  weft settlement evidence --check-only 17-0x3f..evidence")]
    Evidence {
        /// The file.
        file: PathBuf,
        /// Show what it says, and report nothing.
        #[arg(long)]
        check_only: bool,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoint: SettlementEndpoint,
    },
    /// Change the posting key: the key that posts signs the new one; after an equivocation or a broken promise the
    /// chain's admin key must.
    /// The sequencer goes on when it is started with the new key's file.
    #[command(after_help = "Examples:
  weft keys new new.key
  weft settlement rotate-key --key-file old.key --new-key-file new.key
  weft settlement rotate-key --key-file admin.key --new-address 0x7099..")]
    RotateKey {
        /// Key file that signs the change: the posting key's, or the chain's admin key's.
        #[arg(long)]
        key_file: PathBuf,
        /// Key file of the new posting key.
        #[arg(long, required_unless_present = "new_address")]
        new_key_file: Option<PathBuf>,
        /// Its address, if the file is elsewhere.
        #[arg(long, conflicts_with = "new_key_file")]
        new_address: Option<Address>,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoint: SettlementEndpoint,
    },
}

/// Which settlement service, and which of its chains.
#[derive(Args, Clone, Debug)]
pub struct SettlementEndpoint {
    /// Its gRPC URL.
    #[arg(long, default_value = "http://127.0.0.1:9300")]
    pub settlement_url: String,
    /// The chain, where the service settles several.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub chain_id: u64,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
