//! Client commands: `tx`, `blob`, `verify`, `bench`.

use std::path::PathBuf;

use alloy_primitives::{Address, B256, Bytes, U256};
use clap::{Args, Subcommand, ValueEnum};
use weft_primitives::Namespace;

use super::ForceArgs;
use crate::amount;

/// Which sequencer.
#[derive(Args, Clone, Debug)]
pub struct Endpoints {
    /// Its Ethereum JSON-RPC.
    #[arg(long, default_value = "http://127.0.0.1:8545")]
    pub rpc_url: String,
    /// Its gRPC URL.
    #[arg(long, default_value = "http://127.0.0.1:9100")]
    pub sequencer_url: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Who sends.
#[derive(Args, Clone, Debug)]
pub struct Sender {
    /// Number of a development account, 0 to 9; 0 when no key is given, by --key-file or in WEFT_SECRET_KEY.
    #[arg(long, conflicts_with = "key_file")]
    pub from: Option<usize>,
    /// Key file of the sender, encrypted or not.
    #[arg(long)]
    pub key_file: Option<PathBuf>,
    /// Tip in wei a gas.
    #[arg(long, default_value = "1gwei", value_parser = amount::parse)]
    pub priority_fee: U256,
    /// Print the hash alone.
    #[arg(long)]
    pub quiet: bool,
}

/// How far to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Waited {
    /// In a durable block.
    Executed,
    /// In the settlement log.
    Posted,
    /// Sampled by settlement.
    Available,
    /// Final.
    Finalized,
}

/// `weft tx`.
#[derive(Subcommand, Clone, Debug)]
pub enum TxCommand {
    /// Send a transaction that is signed already.
    #[command(after_help = "Example:\n  weft tx send 0x02f8..")]
    Send {
        /// EIP-2718 bytes in hexadecimal.
        raw: Bytes,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoints: Endpoints,
    },
    /// Send ether and wait for the durable receipt.
    #[command(
        after_help = "Example:\n  weft tx transfer --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --value 0.5ether"
    )]
    Transfer {
        /// Recipient.
        #[arg(long)]
        to: Address,
        /// Amount, as 0.5ether, 20gwei or 1000 (wei).
        #[arg(long, value_parser = amount::parse)]
        value: U256,
        #[command(flatten)]
        #[allow(missing_docs)]
        sender: Sender,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoints: Endpoints,
    },
    /// Put a transaction into settlement's inbox, where the sequencer cannot leave it out.
    Force(Box<ForceArgs>),
    /// Try out a call without sending it.
    #[command(after_help = "Example:\n  weft tx call --to 0x5FbD.. --data 0x18160ddd")]
    Call {
        /// Contract.
        #[arg(long)]
        to: Address,
        /// Call data in hexadecimal.
        #[arg(long, default_value = "0x")]
        data: Bytes,
        /// Block number or tag.
        #[arg(long, default_value = "latest")]
        block: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoints: Endpoints,
    },
    /// The transactions of an account, the newest first: what it sent, what was sent to it, what moved a token of it. Asks a
    /// node that keeps the index by account (--index-accounts).
    #[command(after_help = "Examples:\n  weft tx list 0x7099..\n  weft tx list 0x7099.. --limit 100 --json\n  \
                            weft tx list 0x7099.. --cursor 0x00..   # goes on where a page ended")]
    List {
        /// The account.
        address: Address,
        /// Most transactions, from 1 to 100.
        #[arg(long, default_value_t = 25)]
        limit: u64,
        /// What the page before ended with.
        #[arg(long)]
        cursor: Option<Bytes>,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoints: Endpoints,
    },
    /// Where a transaction is on its way to finality.
    #[command(after_help = "Example:\n  weft tx status 0x1234.. --wait finalized")]
    Status {
        /// Its hash.
        hash: B256,
        /// Wait until it is this far.
        #[arg(long, value_enum)]
        wait: Option<Waited>,
        /// Longest wait, seconds.
        #[arg(long, default_value_t = 60)]
        timeout_s: u64,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoints: Endpoints,
    },
}

/// Which DA node, and which namespace.
#[derive(Args, Clone, Debug)]
pub struct DaEndpoint {
    /// Its gRPC URL.
    #[arg(long, default_value = "http://127.0.0.1:9200")]
    pub da_url: String,
    /// Namespace: 64 hexadecimal digits, or a name of at most 32 ASCII characters; by default the one for documents.
    #[arg(long)]
    pub namespace: Option<Namespace>,
    /// Whose header is taken; without it, whoever the node names.
    #[arg(long)]
    pub da_address: Option<Address>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `weft blob`.
#[derive(Subcommand, Clone, Debug)]
pub enum BlobCommand {
    /// Store a file; returns once it is durable, with its content hash.
    #[command(
        after_help = "Examples:\n  weft blob put report.pdf\n  weft blob put report.pdf --namespace rollup-7 --key-file rollup-7.key"
    )]
    Put {
        /// The file.
        file: PathBuf,
        /// Print the content hash alone.
        #[arg(long)]
        quiet: bool,
        /// Key that signs the put, for a namespace that takes blobs from certain keys alone.
        #[arg(long)]
        key_file: Option<PathBuf>,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoint: DaEndpoint,
    },
    /// List all blobs of a namespace, with the proof that none is left out. Every header's signature and link and every
    /// height's proof is checked. Exit code 3: the node's answer does not prove it.
    #[command(
        after_help = "Examples:\n  weft blob list\n  weft blob list --namespace rollup-7 --from 100 --to 200 --json"
    )]
    List {
        /// First DA height.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// Last DA height; the newest if not given.
        #[arg(long)]
        to: Option<u64>,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoint: DaEndpoint,
    },
    /// Read a blob back; its hash is checked.
    #[command(after_help = "Example:\n  weft blob get 0x1234.. --output report.pdf")]
    Get {
        /// Content hash (BLAKE3).
        hash: B256,
        /// Where to write it; standard output if not given.
        #[arg(long)]
        output: Option<PathBuf>,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoint: DaEndpoint,
    },
    /// Get and check the proof that a blob is on the DA layer, unchanged.
    #[command(after_help = "Example:\n  weft blob prove 0x1234.. --json > proof.json")]
    Prove {
        /// Content hash (BLAKE3).
        hash: B256,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoint: DaEndpoint,
    },
}

/// `weft verify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  weft verify 7
  weft verify --all --json
  weft verify --watch                                  judge every commitment as it comes
  weft verify --watch --submit --key-file verifier.key   and tell settlement, as one of its verifiers

The commitment comes from settlement, the data from DA, the state from re-execution since genesis; with --stateless
from a witness that any sequencer or follower makes, checked against the state root of the commitment before. A witness
that is wrong, or lacks something, makes the verdict Undecided.
Exit code 0: Valid, 3: Invalid, 4: Undecided, 1: error, 2: usage.")]
pub struct VerifyArgs {
    /// The batch to judge.
    #[arg(required_unless_present_any = ["all", "watch"])]
    pub batch: Option<u64>,
    /// Judge all batches.
    #[arg(long, conflicts_with = "batch")]
    pub all: bool,
    /// Judge all batches, then each new one, until stopped. Ends with exit code 3 when settlement has made final what is
    /// invalid.
    #[arg(long, conflicts_with_all = ["batch", "all"])]
    pub watch: bool,
    /// Tell settlement: sign verdicts as one of the chain's verifiers (with --key-file), and challenge what is invalid
    /// (in mode optimistic).
    #[arg(long, requires = "watch")]
    pub submit: bool,
    /// The verifier's key file. Without one nothing is signed.
    #[arg(long, requires = "submit")]
    pub key_file: Option<PathBuf>,
    /// Execute this batch alone, on a witness instead of the whole state: given that the batch before is valid.
    #[arg(long, requires = "batch", conflicts_with = "all")]
    pub stateless: bool,
    /// gRPC URL of a sequencer or follower that makes the witness, for --stateless. It is not trusted.
    #[arg(long, default_value = "http://127.0.0.1:9100")]
    pub witness_url: String,
    /// Genesis file; the development chain if not given.
    #[arg(long)]
    pub genesis: Option<PathBuf>,
    /// gRPC URL of the settlement service.
    #[arg(long, default_value = "http://127.0.0.1:9300")]
    pub settlement_url: String,
    /// gRPC URL of a DA node.
    #[arg(long, default_value = "http://127.0.0.1:9200")]
    pub da_url: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `weft bench`.
#[derive(Subcommand, Clone, Debug)]
pub enum BenchCommand {
    /// Throughput and latency of a whole rollup: starts `weft dev` in a process of its own and loads it.
    #[command(after_help = "Example:\n  weft bench e2e --json --seconds 60")]
    E2e {
        /// How long each load lasts.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// Accounts that send.
        #[arg(long, default_value_t = 1_000)]
        accounts: usize,
        /// Print JSON rows.
        #[arg(long)]
        json: bool,
    },
    /// The parallel executor beside plain revm, on made-up blocks and real ones, in this process.
    #[command(after_help = "Examples:\n  weft bench exec\n  weft bench exec --only erc20 --threads 4\n  \
                            weft bench exec --mainnet DIR --json\n  weft bench exec --shape")]
    Exec {
        /// Transactions of a made-up block.
        #[arg(long, default_value_t = 20_000)]
        transactions: u64,
        /// Measured rounds of each; the median counts.
        #[arg(long, default_value_t = 9)]
        rounds: usize,
        /// Threads; all cores by default.
        #[arg(long)]
        threads: Option<usize>,
        /// Only rows whose name contains this.
        #[arg(long, default_value = "")]
        only: String,
        /// A folder of real Ethereum blocks with the state that they read (NUMBER/block.json, NUMBER/pre_state.json,
        /// codes.json, block_hashes.json).
        #[arg(long, value_name = "DIR", conflicts_with = "shape")]
        mainnet: Option<std::path::PathBuf>,
        /// How time grows with threads and with the size of a block, instead.
        #[arg(long)]
        shape: bool,
        /// Print JSON rows.
        #[arg(long)]
        json: bool,
    },
    /// Encoding, rebuilding and checking blocks of data, in this process, beside the same made with libraries only.
    #[command(after_help = "Examples:\n  weft bench da\n  weft bench da --only publish --threads 1\n  \
                            weft bench da --json\n  weft bench da --shape\n  \
                            weft bench da --shape --only memory_size_8mib")]
    Da {
        /// Measured rounds of each; the median counts.
        #[arg(long, default_value_t = 15)]
        rounds: usize,
        /// Threads; all cores by default.
        #[arg(long)]
        threads: Option<usize>,
        /// Only rows whose name contains this.
        #[arg(long, default_value = "")]
        only: String,
        /// How speed and memory grow with the payload and with threads, and what a light client downloads, instead.
        /// Memory is that of the first block of the process: of the largest payload asked for.
        #[arg(long)]
        shape: bool,
        /// Print JSON rows.
        #[arg(long)]
        json: bool,
    },
    /// The state tree beside one written plainly, durably in the sequencer's store, with a part of it in memory, witnesses,
    /// and the size of batches beside an OP span batch.
    #[command(
        after_help = "Examples:\n  weft bench state\n  weft bench state --only root --threads 1 --keys 16000000\n  \
                            weft bench state --only batch_bytes --mainnet DIR --json\n  weft bench state --shape"
    )]
    State {
        /// Measured rounds of each; the median counts.
        #[arg(long, default_value_t = 15)]
        rounds: usize,
        /// Threads; all cores by default.
        #[arg(long)]
        threads: Option<usize>,
        /// Accounts in the tree of the rows `root`, `durable` and `beyond_memory`, which are named after it.
        #[arg(long, default_value_t = 1_000_000)]
        keys: u64,
        /// Only rows whose name contains this.
        #[arg(long, default_value = "")]
        only: String,
        /// A folder of real mainnet blocks (shared/data/mainnet.tar.zst, unpacked), for the size of their batch.
        #[arg(long, value_name = "DIR")]
        mainnet: Option<PathBuf>,
        /// How the root's speed grows with threads and updates, and the times of a block of transfers, instead.
        #[arg(long)]
        shape: bool,
        /// Print JSON rows.
        #[arg(long)]
        json: bool,
    },
    /// How fast a sequencer takes transactions and makes blocks of them, without anyone else: no network, no data
    /// availability, no settlement. Beside it, each block made only when the one before is durable; and how fast it is
    /// with the index by account.
    #[command(after_help = "Example:\n  weft bench produce --transactions 200000")]
    Produce {
        /// Ether transfers, of 2,000 senders in turn.
        #[arg(long, default_value_t = 100_000)]
        transactions: usize,
        /// Measured rounds of each; the median counts.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Print JSON rows.
        #[arg(long)]
        json: bool,
    },
    /// How fast an empty follower derives a chain from settlement and DA: starts `weft dev` in a process of its own, has
    /// it make the chain, then follows it from here. Beside it, `weft verify --all`, which stores nothing.
    #[command(
        after_help = "Examples:\n  weft bench rebuild\n  weft bench rebuild --transactions 1000000 --shape --json"
    )]
    Rebuild {
        /// Ether transfers in the chain.
        #[arg(long, default_value_t = 300_000)]
        transactions: usize,
        /// Also blocks, batches and gas a second.
        #[arg(long)]
        shape: bool,
        /// Print JSON rows.
        #[arg(long)]
        json: bool,
    },
}
