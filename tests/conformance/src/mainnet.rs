//! Blocks of Ethereum's main network, judged by what their headers say of gas and receipts.
//!
//! The state before a block is what it reads, so that there is no root of it to compare.

use std::path::Path;

use alloy_eips::eip4788::BEACON_ROOTS_ADDRESS;
use alloy_primitives::B256;
use revm::primitives::hardfork::SpecId;
use weft_bench::mainnet::{self, MainnetBlock};
use weft_execution::StateView;

use crate::data::{self, Data, DataError, MAINNET_BLOCKS};
use crate::difference::{Difference, same_hash};
use crate::report::{Report, Verdict};
use crate::{agree, files, receipts::Receipts, system};

/// The name of the report.
const NAME: &str = "ethereum mainnet blocks";

/// Executes all blocks that there are.
pub fn judge_all(build_folder: &str) -> Result<Report, DataError> {
    let folder = match data::find(MAINNET_BLOCKS, Path::new(build_folder))? {
        Data::Folder(folder) => folder,
        Data::Absent(why) => return Ok(Report::absent(NAME, why)),
    };
    let mut report = Report::new(NAME);
    match mainnet::read_all(&folder) {
        Ok(blocks) => {
            let ended = files::on_all_cores(&blocks, judge);
            blocks.iter().zip(ended).for_each(|(block, ended)| report.add(block.number, ended));
        }
        Err(error) => report.add(folder.display(), Err(Difference::Unreadable(error.to_string()))),
    }
    Ok(report)
}

fn judge(block: &MainnetBlock) -> Result<Verdict, Difference> {
    let mut state = block.state.clone();
    let missing = |missing| Difference::Missing { executor: "call by the protocol".to_owned(), missing };
    // A block that does not read the contract has its state without it.
    if state.account(BEACON_ROOTS_ADDRESS).map_err(missing)?.is_some() {
        let (config, root) = (&block.config, block.parent_beacon_block_root);
        system::before(&mut state, config, &block.block, B256::ZERO, root).map_err(missing)?;
    }
    let outcome = agree::execute(&state, None, &block.config, &block.block, &block.transactions)?;
    let receipts = Receipts::of(&block.types, &outcome)?;
    if receipts.gas_used != block.gas_used {
        return Err(Difference::Gas { got: receipts.gas_used, want: block.gas_used });
    }
    // Before Byzantium a receipt has the state's root instead of success.
    if block.config.spec.is_enabled_in(SpecId::BYZANTIUM) {
        same_hash("receipts root", receipts.root, block.receipts_root)?;
    }
    Ok(Verdict::Passed)
}
