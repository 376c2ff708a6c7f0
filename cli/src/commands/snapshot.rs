//! `weft node snapshot`.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use weft_primitives::Address;
use weft_sequencer::chain::Chain;
use weft_sequencer::derive::{LogReader, LogView, rules, terms};
use weft_sequencer::snapshots::{self, Origin, Summary};
use weft_sequencer::store::{ChainStore, LogState, RocksKv};
use weft_service::{Readiness, Shutdown};
use weft_wire::SettlementClient;

use crate::args::{NodeArgs, SnapshotCommand, load_key};
use crate::output::{Exit, Failure, print};

/// Runs the command.
pub async fn run(args: NodeArgs, command: SnapshotCommand) -> Result<Exit, Failure> {
    args.log_options.init()?;
    let (summary, file, json) = match command {
        SnapshotCommand::Export { file, key_file, json } => {
            let made = tokio::task::block_in_place(|| export(&args, &file, key_file.as_deref()))?;
            (made, file, json)
        }
        SnapshotCommand::Import { file, maker, json } => (import(&args, &file, maker).await?, file, json),
    };
    print(json, &value(&summary), || words(&summary, &file))?;
    Ok(Exit::Ok)
}

fn open(args: &NodeArgs) -> Result<ChainStore, Failure> {
    Ok(ChainStore::new(Arc::new(RocksKv::open(&args.data_dir.join("db"))?)))
}

fn export(args: &NodeArgs, file: &Path, key_file: Option<&Path>) -> Result<Summary, Failure> {
    let config = args.to_config()?;
    let maker = load_key(key_file, &args.data_dir)?;
    let chain = Chain::open(config.chain, open(args)?, &config.limits)?;
    Ok(snapshots::export(&chain, file, &maker)?)
}

async fn import(args: &NodeArgs, file: &Path, maker: Option<Address>) -> Result<Summary, Failure> {
    let config = args.to_config()?;
    let client = SettlementClient::new(&config.settlement_url)?.for_chain(config.chain.chain_id());
    let mut terms = terms(&client.info().await?)?;
    terms.sequencer = config.sequencer.unwrap_or(terms.sequencer);
    let view = LogView::new(rules(&config.chain, terms)?);
    let (seen, readiness) = (LogState::default(), Readiness::default());
    LogReader { client, view: view.clone(), seen, readiness, kept: None }.run_to_end(Shutdown::new()).await?;
    let store = open(args)?;
    let import = || view.look(|log| snapshots::import(&config.chain, &store, file, Origin { log, maker }));
    let imported = tokio::task::block_in_place(import);
    let imported = imported.ok_or_else(|| Failure("settlement's log ends in the middle of a verdict".to_owned()))?;
    Ok(imported?)
}

fn value(summary: &Summary) -> Value {
    json!({
        "batch": summary.batch,
        "commitment": summary.commitment,
        "block": summary.block,
        "state_root": summary.state_root,
        "leaves": summary.leaves,
        "codes": summary.codes,
        "maker": summary.maker,
    })
}

fn words(summary: &Summary, file: &Path) -> String {
    format!(
        "{}: state after block {} (batch {}, commitment {})\n  {} leaves, {} codes, state root {}\n  signed by {}",
        file.display(),
        summary.block,
        summary.batch,
        summary.commitment,
        summary.leaves,
        summary.codes,
        summary.state_root,
        summary.maker
    )
}
