//! The log as a stream without gaps: pages from the store until the newest entry, then again whenever it has grown.
//!
//! Nothing is queued for a subscriber: it reads at its own pace, a page at a
//! time, and what it has not read waits in the store.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tonic::Status;
use weft_primitives::Signer;
use weft_settlement::{Chain, LogEntry, LogHead};
use weft_wire::pb::settlement::v1 as pb;

use crate::chains::Served;
use crate::store::Store;

/// Entries read at once.
const PAGE: u32 = 64;

struct Reader {
    store: Arc<dyn Store>,
    view: watch::Receiver<Arc<Chain>>,
    next_seq: u64,
    page: VecDeque<LogEntry>,
    signer: Option<Arc<Signer>>,
    _permit: OwnedSemaphorePermit,
}

/// Every entry from `from_seq` on. Ends when the service stops.
pub(super) fn entries(
    served: &Served,
    from_seq: u64,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<pb::SubscribeLogResponse, Status>> + Send + 'static + use<> {
    let (store, view, signer) = (served.store.clone(), served.engine.watch(), served.log_signer.clone());
    let reader = Reader { store, view, next_seq: from_seq, page: VecDeque::new(), signer, _permit: permit };
    futures::stream::try_unfold(reader, |mut reader| async {
        let Some(entry) = reader.next().await? else { return Ok(None) };
        let head_signature = reader.signature(&entry);
        Ok(Some((pb::SubscribeLogResponse { entry: Some((&entry).into()), head_signature }, reader)))
    })
}

impl Reader {
    /// With the newest entry: the service's word that its log ends there.
    fn signature(&self, entry: &LogEntry) -> Bytes {
        let chain = self.view.borrow();
        let (rules, head) = (chain.rules(), chain.head());
        let Some(signer) = self.signer.as_ref().filter(|_| head.log_seq == entry.seq) else { return Bytes::new() };
        let (chain_id, config_hash) = (rules.chain_id, rules.config_hash);
        let head = LogHead { chain_id, config_hash, seq: head.log_seq, hash: head.log_hash };
        Bytes::copy_from_slice(&head.sign(signer).0)
    }

    async fn next(&mut self) -> Result<Option<LogEntry>, Status> {
        loop {
            if let Some(entry) = self.page.pop_front() {
                self.next_seq = entry.seq.saturating_add(1);
                return Ok(Some(entry));
            }
            let newest = self.view.borrow_and_update().head().log_seq;
            if self.next_seq <= newest {
                self.page = self.store.entries(self.next_seq, PAGE).await.map_err(super::internal)?.into();
            } else if self.view.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}
