//! What a node tells of itself on its HTTP port.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::watch;
use weft_da::SignedHeader;
use weft_service::http::Status;

use crate::archive::Archive;
use crate::config::Config;
use crate::custody::Custody;
use crate::store::Store;

pub(crate) fn of(
    config: Config,
    store: Arc<dyn Store>,
    (custody, archive): (Option<Arc<Custody>>, Option<Arc<Archive>>),
    latest: watch::Receiver<Option<SignedHeader>>,
) -> Status {
    Arc::new(move || {
        let newest = *latest.borrow();
        let mut status = json!({
            "version": weft_service::VERSION,
            "network": config.network_id,
            "signer": config.signer.address(),
            "height": newest.map(|signed| signed.header.height),
            "newest block (ms)": newest.map(|signed| signed.header.time_ms),
            "rows of the newest block": newest.map(|signed| signed.header.shape.rows()),
            "rows from height": store.first_whole().ok(),
            "max blob bytes": config.limits.max_blob_bytes,
        });
        if let Some(archive) = &archive {
            status["archived up to height"] = json!(archive.through().ok());
            status["archive's last error"] = json!(archive.last_error());
        }
        if let Some(custody) = &custody {
            status["producer"] = json!(custody.producer());
            status["members"] = json!(custody.members().addresses());
            status["copies of a row"] = json!(custody.members().copies());
            // Certificates are made, and kept, by the producer.
            if custody.is_producer() {
                status["certified height"] = json!(custody.certified().height());
            }
        }
        status
    })
}
