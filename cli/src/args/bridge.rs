//! The way in past the sequencer, and value between settlement and the rollup: `tx force`, `deposit`, `withdraw`, `claim`.

use std::path::PathBuf;

use alloy_primitives::{Address, Bytes, U256};
use clap::Args;

use super::{Endpoints, Sender};
use crate::amount;

/// Whose key signs.
#[derive(Args, Clone, Debug)]
pub struct Signing {
    /// Number of a development account, 0 to 9; 0 when no key is given, by --key-file or in WEFT_SECRET_KEY.
    #[arg(long, conflicts_with = "key_file")]
    pub from: Option<usize>,
    /// Key file, encrypted or not.
    #[arg(long)]
    pub key_file: Option<PathBuf>,
}

/// How long to follow what was put into the inbox.
#[derive(Args, Clone, Debug)]
pub struct Following {
    /// Follow it until it is final; force it when the sequencer has left it out for too long.
    #[arg(long)]
    pub wait: bool,
    /// Longest wait, seconds.
    #[arg(long, default_value_t = 3_600)]
    pub timeout_s: u64,
}

/// `weft tx force`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  weft tx force --to 0x7099.. --value 1ether --wait
  weft tx force 0x02f8..
  weft tx force --to 0x7099.. --value 1ether --nonce 7 --max-fee 3gwei     with the sequencer away

Settlement keeps the transaction in its inbox. A sequencer that leaves it out beyond the deadline cannot post any
more, and after a grace period anyone may go on without it (weft settlement force-batch; --wait does so by itself).")]
pub struct ForceArgs {
    /// A signed transaction, EIP-2718 bytes in hexadecimal; without it, one is made of --to and --value.
    #[arg(required_unless_present = "to")]
    pub raw: Option<Bytes>,
    /// Recipient.
    #[arg(long, conflicts_with = "raw")]
    pub to: Option<Address>,
    /// Amount, as 0.5ether, 20gwei or 1000 (wei).
    #[arg(long, default_value = "0", value_parser = amount::parse)]
    pub value: U256,
    /// The sender's nonce; asked of the sequencer if not given.
    #[arg(long)]
    pub nonce: Option<u64>,
    /// Most wei a gas; asked of the sequencer if not given.
    #[arg(long, value_parser = amount::parse)]
    pub max_fee: Option<U256>,
    /// Gas.
    #[arg(long, default_value_t = 21_000)]
    pub gas_limit: u64,
    /// gRPC URL of the settlement service.
    #[arg(long, default_value = "http://127.0.0.1:9300")]
    pub settlement_url: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub following: Following,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub sender: Sender,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub endpoints: Endpoints,
}

/// `weft deposit`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:
  weft deposit --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --value 2ether --wait

Takes the amount from the signer's account at settlement (weft settlement account) into escrow; the rollup credits
it with its next block.")]
pub struct DepositArgs {
    /// Who is credited on the rollup.
    #[arg(long)]
    pub to: Address,
    /// Amount, as 0.5ether, 20gwei or 1000 (wei).
    #[arg(long, value_parser = amount::parse)]
    pub value: U256,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub signing: Signing,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub following: Following,
    /// gRPC URL of the settlement service.
    #[arg(long, default_value = "http://127.0.0.1:9300")]
    pub settlement_url: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `weft withdraw`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:
  weft withdraw --value 0.5ether

Sends the amount to the withdrawals contract; `weft claim` has settlement pay it out once its batch is final.")]
pub struct WithdrawArgs {
    /// Amount, as 0.5ether, 20gwei or 1000 (wei).
    #[arg(long, value_parser = amount::parse)]
    pub value: U256,
    /// Account of settlement that is to be paid; the sender's own if not given.
    #[arg(long)]
    pub to: Option<Address>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub sender: Sender,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub endpoints: Endpoints,
}

/// `weft claim`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  weft claim 0x1234..              the transaction that withdrew
  weft claim 7 --wait              by the withdrawal's number

Anyone may claim; whom it pays is in the withdrawal. The proof is checked here first, against settlement's log.")]
pub struct ClaimArgs {
    /// The transaction that withdrew, or the withdrawal's number.
    pub what: String,
    /// Wait until it is final.
    #[arg(long)]
    pub wait: bool,
    /// Longest wait, seconds.
    #[arg(long, default_value_t = 600)]
    pub timeout_s: u64,
    /// gRPC URL of the settlement service.
    #[arg(long, default_value = "http://127.0.0.1:9300")]
    pub settlement_url: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub endpoints: Endpoints,
}
