//! `weft node prove`.

use std::path::PathBuf;
use std::sync::Arc;

use alloy_primitives::KECCAK256_EMPTY;
use indicatif::{ProgressBar, ProgressStyle};
use weft_primitives::{Address, B256, U256};
use weft_sequencer::proofs::{AccountProof, account_keys};
use weft_sequencer::snapshots;
use weft_sequencer::store::{ChainStore, RocksKv};
use weft_state::Account;

use crate::amount::in_ether;
use crate::args::NodeArgs;
use crate::output::{Exit, Failure, print};

/// What is to be proved, and how it is shown.
pub struct Asked {
    pub address: Address,
    pub block: u64,
    pub slots: Vec<U256>,
    pub snapshot: Option<PathBuf>,
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &NodeArgs, asked: &Asked) -> Result<Exit, Failure> {
    args.log_options.init()?;
    let config = args.to_config()?;
    let store = ChainStore::new(Arc::new(RocksKv::open_read_only(&config.data_dir)?));
    let bar = progress(asked.block);
    let done = |number| bar.set_position(number);
    let (world, block) = snapshots::replay(&config.chain, &store, asked.snapshot.as_deref(), asked.block, done)?;
    bar.finish_and_clear();
    let keys = account_keys(asked.address, &asked.slots);
    let proofs = keys.iter().map(|key| world.tree().prove(key)).collect::<Result<Vec<_>, _>>()?;
    let proof = AccountProof::new(asked.address, &block, &keys, &proofs)?;
    print(asked.json, &proof, || words(&proof, &asked.slots))?;
    Ok(Exit::Ok)
}

/// Counts blocks, on a terminal.
fn progress(last: u64) -> ProgressBar {
    let bar = ProgressBar::new(last);
    if let Ok(style) = ProgressStyle::with_template("executing [{bar:30}] {pos}/{len} blocks, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    bar
}

fn words(proof: &AccountProof, slots: &[U256]) -> String {
    let leaf = |leaf: &Option<B256>| leaf.unwrap_or_default();
    let code_hash = proof.code_hash.value.unwrap_or(KECCAK256_EMPTY);
    // Of a version that this program does not know only the bytes can be shown.
    let what = match (&proof.basic_data.value, Account::from_leaves(&leaf(&proof.basic_data.value), code_hash)) {
        (None, _) => "  no account".to_owned(),
        (Some(_), Ok(account)) => {
            format!(
                "  balance {}, nonce {}, {} bytes of code",
                in_ether(account.balance),
                account.nonce,
                account.code_size
            )
        }
        (Some(bytes), Err(_)) => format!("  {bytes}"),
    };
    let mut lines = vec![format!("{} after block {}", proof.address, proof.block_number), what];
    if let Some(target) = proof.delegation.value {
        lines.push(format!("  delegation {target}"));
    }
    lines.extend(
        slots.iter().zip(&proof.storage).map(|(slot, value)| format!("  slot {slot:#x}: {}", leaf(&value.value))),
    );
    lines.push(format!("  block {}", proof.block_hash));
    lines.push(format!("  state root {}, to which every proof leads (--json prints them)", proof.state_root));
    lines.join("\n")
}
