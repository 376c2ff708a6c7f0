//! `weft settlement force-batch` in mode optimistic: the witness that settlement makes the batch on.

use std::path::PathBuf;

use weft_wire::{DaClient, SettlementClient};

use super::super::audit::{Auditor, Judged, Log};
use super::super::verify::progress;
use crate::args::sequencer::load_chain;
use crate::output::Failure;

/// Tries while the log moves on and the witness does not suffice.
const MAX_TRIES: u32 = 5;

/// What everything is re-executed from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Genesis file; the development chain if none.
    pub genesis: Option<PathBuf>,
    /// A DA node.
    pub da_url: String,
}

impl Source {
    /// Re-executes all batches, and has settlement make the forced batch on what the next one touches.
    pub async fn force(&self, client: &SettlementClient) -> Result<(), Failure> {
        let chain = load_chain(self.genesis.as_deref())?;
        let mut auditor = Auditor::new(&chain, DaClient::new(&self.da_url)?)?;
        let mut judged = 0;
        for attempt in 1.. {
            let log = Log::read(&chain, client).await?;
            let bar = progress(log.commitments().len() as u64);
            for posted in log.commitments().iter().skip(judged) {
                let index = posted.signed.header.batch_index;
                match auditor.judge(&log, posted).await {
                    Judged::Valid => bar.inc(1),
                    Judged::Undecided { missing } => {
                        return Err(Failure(format!("batch {index}: {missing} is missing")));
                    }
                    Judged::Invalid { code, message, .. } => {
                        return Err(Failure(format!("batch {index} is invalid ({code}: {message}): challenge it")));
                    }
                }
                judged += 1;
            }
            bar.finish_and_clear();
            let witness = auditor.record_forced(&log)?;
            let witness =
                witness.ok_or_else(|| Failure("no inbox item waits: there is nothing to force".to_owned()))?;
            let parent = &auditor.checkpoint().block.header;
            match client.force_batch_on_witness(parent, witness.encode().into()).await {
                Ok(_) => return Ok(()),
                // Somebody was faster, or the log has gone on.
                Err(error)
                    if attempt < MAX_TRIES && matches!(&*error.reason, "WITNESS_INCOMPLETE" | "WRONG_PARENT") => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
