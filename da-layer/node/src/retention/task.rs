//! The loop of the sweeper, on a thread of its own.
//!
//! Invariant: with an archive, a block is thinned only after the archive, asked
//! at that moment, has said that it holds the block.

use std::time::Duration;

use tokio::runtime::Handle;
use weft_da::SignedHeader;
use weft_service::Shutdown;
use weft_service::backoff::Backoff;

use super::{SWEEP_INTERVAL, Sweeper, Turn};
use crate::archive::Archive;
use crate::store::StoreError;

/// Longest pause after a failure of the archive.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Sweeps until shutdown.
pub fn run(
    mut sweeper: Sweeper,
    archive: Option<&Archive>,
    runtime: &Handle,
    stop: &Shutdown,
) -> Result<(), StoreError> {
    sweeper.report()?;
    let mut backoff = Backoff::new(SWEEP_INTERVAL, MAX_PAUSE);
    while !stop.is_triggered() {
        let mut pause = SWEEP_INTERVAL;
        let mut turn = Turn::Idle;
        if let Some(due) = sweeper.due()? {
            match runtime.block_on(stop.unless(is_safe(archive, &due))) {
                None => return Ok(()),
                Some(Ok(true)) => {
                    backoff.reset();
                    turn = sweeper.thin(&due)?;
                }
                Some(Ok(false)) => {}
                Some(Err(())) => pause = backoff.delay(),
            }
        }
        if turn == Turn::Idle {
            turn = sweeper.expire()?;
        }
        sweeper.reclaim_if_due()?;
        if turn == Turn::Idle {
            // A timer is made within a runtime.
            runtime.block_on(stop.unless(async { tokio::time::sleep(pause).await }));
        }
    }
    Ok(())
}

/// Whether the rows of a block may go; `Err` when the archive does not answer.
async fn is_safe(archive: Option<&Archive>, due: &SignedHeader) -> Result<bool, ()> {
    let Some(archive) = archive else { return Ok(true) };
    let height = due.header.height;
    match archive.confirms(due).await {
        Ok(held) => Ok(held),
        Err(error) => {
            tracing::warn!(height, %error, "a block stays whole, since the archive does not answer");
            Err(())
        }
    }
}
