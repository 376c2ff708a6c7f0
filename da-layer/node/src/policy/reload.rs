//! SIGHUP reads the policies' file again. A file that cannot be used changes nothing.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use weft_service::Shutdown;

use super::{Gate, file};
use crate::config::Limits;

/// Reads `path` again at each SIGHUP, until shutdown.
pub async fn on_signal(path: PathBuf, limits: Limits, gate: Arc<Gate>, shutdown: Shutdown) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    while shutdown.unless(hangup.recv()).await.flatten().is_some() {
        let (path, gate) = (path.clone(), gate.clone());
        let read = tokio::task::spawn_blocking(move || again(&path, &limits, &gate));
        if let Err(error) = read.await {
            tracing::error!(%error, "reading the policies of namespaces again");
        }
    }
    Ok(())
}

/// Whether the file is in force now.
fn again(path: &std::path::Path, limits: &Limits, gate: &Gate) -> bool {
    let result = match file::load(path, limits) {
        Ok(policies) => gate.reload(policies).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match &result {
        Ok(()) => tracing::info!(path = %path.display(), "policies of namespaces read again"),
        Err(error) => tracing::error!(%error, "policies of namespaces stay as they were"),
    }
    result.is_ok()
}
