//! `weft settlement rotate-key`: signs a key change and has it entered into the log.

use std::path::Path;

use serde_json::json;
use weft_primitives::{Address, B256};
use weft_settlement::KeyChange;
use weft_wire::SettlementClient;

use crate::output::{Exit, Failure, print};
use crate::secrets;

/// Changes the posting key to `new_key`, one epoch on, with the key in `key_file` signing.
pub async fn run(
    settlement: &SettlementClient,
    key_file: &Path,
    new_key: Address,
    json: bool,
) -> Result<Exit, Failure> {
    let signer = secrets::load(key_file)?;
    let (info, tip) = (settlement.info().await?, settlement.tip().await?);
    if tip.posting_key == new_key && !tip.frozen {
        return Err(Failure(format!("commitments are taken from {new_key} already (epoch {})", tip.epoch)));
    }
    let (chain_id, config_hash) = (info.chain_id, B256::try_from(&info.config_hash[..])?);
    let change = KeyChange { chain_id, config_hash, new_key, epoch: tip.epoch + 1 };
    let logged = settlement.change_key(&change.sign(&signer)).await?;
    let value = json!({
        "chain_id": chain_id, "old_key": tip.posting_key, "new_key": new_key, "epoch": change.epoch,
        "signed_by": signer.address(), "log_seq": logged.log_seq,
    });
    print(json, &value, || {
        format!(
            "commitments are taken from {new_key} from epoch {} on (log entry {});\nstart the sequencer with that key's \
             file",
            change.epoch, logged.log_seq
        )
    })?;
    Ok(Exit::Ok)
}
