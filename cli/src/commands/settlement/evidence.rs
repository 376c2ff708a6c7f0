//! `weft settlement evidence`: checks evidence of a broken promise, and has it entered into the log.

use std::path::Path;

use serde_json::json;
use weft_primitives::Evidence;
use weft_wire::SettlementClient;

use crate::output::{Exit, Failure, print};

/// Shows what the evidence in `file` says; unless `check_only`, reports it, which freezes posting.
pub async fn run(settlement: &SettlementClient, file: &Path, check_only: bool, json: bool) -> Result<Exit, Failure> {
    let bytes = std::fs::read(file).map_err(|error| Failure(format!("{}: {error}", file.display())))?;
    let evidence = Evidence::decode(&bytes).map_err(|error| Failure(format!("{}: {error}", file.display())))?;
    let promise = &evidence.promise.promise;
    let signer = evidence.promise.signer()?;
    let view = settlement.commitment_by_hash(evidence.commitment).await?;
    let stands = evidence.stands(&view.signed.header)?;
    if stands == promise.block_hash {
        return Err(Failure(format!("the promise was kept: block {} is the promised one", promise.number)));
    }
    let logged = if check_only { None } else { Some(settlement.report_promise(&evidence).await?) };
    let value = json!({
        "block": promise.number,
        "promised": promise.block_hash,
        "stands": stands,
        "base": promise.base,
        "promised_by": signer,
        "commitment": evidence.commitment,
        "committed_by": view.signed.signer().ok(),
        "batch": view.signed.header.batch_index,
        "log_seq": logged.map(|logged| logged.log_seq),
        "duplicate": logged.map(|logged| logged.duplicate),
    });
    print(json, &value, || {
        let found = format!(
            "{signer} has promised block {} to be {},\nbut in batch {} (commitment {}) it is {stands}",
            promise.number, promise.block_hash, view.signed.header.batch_index, evidence.commitment
        );
        let outcome = match logged {
            None => "not reported: whether the promise was void meanwhile is settlement's to say".to_owned(),
            Some(logged) if logged.duplicate => format!("in the log already (entry {})", logged.log_seq),
            Some(logged) => format!("in the log (entry {}): posting is frozen", logged.log_seq),
        };
        format!("{found}\n{outcome}")
    })?;
    Ok(Exit::Ok)
}
