//! A database that is an old copy: what mirrors have of the log is taken back, and nothing else that they say.

use std::path::Path;
use std::pin::Pin;

use futures::{Stream, StreamExt, stream};
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::{Request, Response, Status as GrpcStatus};
use weft_primitives::{B256, Signature, Signer};
use weft_settlement::{LogEntry, LogHead, Status};
use weft_wire::FILE_DESCRIPTOR_SET;
use weft_wire::pb::settlement::v1 as pb;
use weft_wire::status::Plain;

use super::rollup::{CHAIN_ID, Rollup, chain, transfer};
use super::{Service, config};
use crate::{Config, store::FILE_NAME};

fn log_key() -> Signer {
    Signer::from_bytes([0x10; 32]).unwrap()
}

/// Serves whatever it was given.
#[derive(Clone)]
struct Fake {
    head: (u64, B256, Signature),
    entries: Vec<LogEntry>,
}

#[tonic::async_trait]
impl pb::log_mirror_server::LogMirror for Fake {
    async fn get_signed_head(
        &self,
        _: Request<pb::GetSignedHeadRequest>,
    ) -> Result<Response<pb::GetSignedHeadResponse>, GrpcStatus> {
        let (seq, hash, signature) = self.head;
        let (hash, signature) = (hash.to_vec().into(), signature.0.to_vec().into());
        Ok(Response::new(pb::GetSignedHeadResponse { seq, hash, signature }))
    }

    type ReadLogStream = Pin<Box<dyn Stream<Item = Result<pb::ReadLogResponse, GrpcStatus>> + Send>>;

    async fn read_log(
        &self,
        request: Request<pb::ReadLogRequest>,
    ) -> Result<Response<Self::ReadLogStream>, GrpcStatus> {
        let from = request.into_inner().from_seq;
        if from == 0 {
            return Err(Plain::not_found("entry 0").into());
        }
        let entries: Vec<_> = self.entries.iter().filter(|entry| entry.seq >= from).cloned().collect();
        let answers = entries.into_iter().map(|entry| Ok(pb::ReadLogResponse { entry: Some((&entry).into()) }));
        Ok(Response::new(Box::pin(stream::iter(answers))))
    }
}

/// Its URL. It ends with the runtime.
async fn serve(fake: Fake) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Routes::new(pb::log_mirror_server::LogMirrorServer::new(fake));
    let stop = weft_service::Shutdown::new();
    tokio::spawn(async move {
        weft_service::grpc::serve(listener, routes, FILE_DESCRIPTOR_SET, "weft.settlement.v1.LogMirror", stop).await
    });
    url
}

/// A rollup, the newest log with the service's signature over its head, and the folder of an old copy.
struct Lost {
    rollup: Rollup,
    entries: Vec<LogEntry>,
    signature: Signature,
    old: tempfile::TempDir,
}

impl Lost {
    fn config(&self, mirrors: Vec<String>) -> Config {
        let mut config = config(self.old.path(), &self.rollup.da_url);
        config.log_signer = Some(log_key());
        config.chains[0].mirrors = mirrors;
        config
    }

    fn honest(&self) -> Fake {
        let newest = self.entries.last().unwrap();
        Fake { head: (newest.seq, newest.hash(), self.signature), entries: self.entries.clone() }
    }
}

/// One batch is in the copy; two more, an inbox item among them, only in the newest log.
async fn lost() -> Lost {
    let (newest, old) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut rollup = Rollup::start().await;
    let with_key = |folder: &Path, url: &str| Config { log_signer: Some(log_key()), ..config(folder, url) };
    let service = Service::start(with_key(newest.path(), &rollup.da_url)).await;
    let first = rollup.next(&service.client).await;
    let first = service.client.post(&first).await.unwrap().commitment;
    service.until(first, Status::Finalized).await;
    service.stop().await;
    for entry in std::fs::read_dir(newest.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), old.path().join(entry.file_name())).unwrap();
    }
    assert!(old.path().join(FILE_NAME).exists());

    let service = Service::start(with_key(newest.path(), &rollup.da_url)).await;
    let nonce = rollup.next_nonce();
    service.client.submit_inbox(transfer(nonce).into()).await.unwrap();
    let mut last = B256::ZERO;
    for _ in 0..2 {
        let signed = rollup.next(&service.client).await;
        last = service.client.post(&signed).await.unwrap().commitment;
    }
    service.until(last, Status::Finalized).await;
    let newest_seq = service.client.tip().await.unwrap().log.0;
    let mut log = service.client.subscribe_signed_log(1).await.unwrap();
    let (mut entries, mut signature) = (Vec::new(), None);
    while (entries.len() as u64) < newest_seq {
        let (entry, signed) = log.next().await.unwrap().unwrap();
        entries.push(entry);
        signature = signed;
    }
    drop(log);
    service.stop().await;
    Lost { rollup, entries, signature: signature.unwrap(), old }
}

async fn log_of(service: &Service, len: usize) -> Vec<LogEntry> {
    service.client.subscribe_log(1).await.unwrap().take(len).map(Result::unwrap).collect().await
}

/// The sum of a counter, of all services in this process.
async fn count(service: &Service, metric: &str, label: &str) -> f64 {
    let (_, page) = service.get("/metrics").await;
    let lines = page.lines().filter(|line| line.starts_with(metric) && line.contains(label));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// Waits until nothing was taken from a mirror, twice, for this reason.
async fn refused(service: &Service, reason: &str) {
    const REFUSALS: &str = "weft_settlement_mirror_refusals_total";
    let before = count(service, REFUSALS, reason).await;
    service.wait(async || (count(service, REFUSALS, reason).await > before).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_is_restored_and_goes_on() {
    let mut lost = lost().await;
    let url = serve(lost.honest()).await;
    let service = Service::start(lost.config(vec![url])).await;
    let newest = lost.entries.last().unwrap().seq;
    service.wait(async || (service.client.tip().await.unwrap().log.0 == newest).then_some(())).await;
    assert_eq!(log_of(&service, lost.entries.len()).await, lost.entries);
    // The verifier's state came along: what follows is judged.
    let next = lost.rollup.next(&service.client).await;
    let posted = service.wait(async || service.client.post(&next).await.ok()).await;
    service.until(posted.commitment, Status::Finalized).await;
    assert!(count(&service, "weft_settlement_restored_entries_total", &CHAIN_ID.to_string()).await > 0.0);
    service.stop().await;
}

/// Made-up heads, entries that lead elsewhere, entries that are left out: nothing of it is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_lying_mirror_is_not_believed() {
    let lost = lost().await;
    let honest = lost.honest();
    let config_hash = chain().hash();
    let stranger = Signer::from_bytes([0x66; 32]).unwrap();

    // A log of the mirror's own, signed by the mirror.
    let mut made_up = honest.entries.clone();
    made_up.last_mut().unwrap().time_ms += 1;
    let (seq, hash) = (made_up.len() as u64, made_up.last().unwrap().hash());
    let signature = LogHead { chain_id: CHAIN_ID, config_hash, seq, hash }.sign(&stranger);
    let unsigned = Fake { head: (seq, hash, signature), entries: made_up.clone() };
    // The true head, and other entries; and all but one.
    let forked = Fake { entries: made_up, ..honest.clone() };
    let mut gap = honest.clone();
    gap.entries.remove(honest.entries.len() - 2);

    for (fake, reason, waits) in
        [(unsigned, "BAD_SIGNATURE", false), (forked, "UNLINKED", true), (gap, "UNLINKED", true)]
    {
        let url = serve(fake).await;
        let service = Service::start(lost.config(vec![url])).await;
        let before = service.client.tip().await.unwrap().log;
        refused(&service, reason).await;
        assert_eq!(service.client.tip().await.unwrap().log, before);
        if waits {
            // The head is ours: the log is known to be an old copy, and does not go on in another way.
            let refused = service.client.submit_inbox(transfer(9).into()).await.unwrap_err();
            assert_eq!((refused.code, refused.is_retryable()), (tonic::Code::Unavailable, true), "{}", refused.message);
        }
        service.stop().await;
    }

    // With one that is honest beside it, all comes back.
    let mut forked = honest.clone();
    forked.entries.last_mut().unwrap().time_ms += 1;
    let urls = vec![serve(forked).await, serve(honest).await];
    let service = Service::start(lost.config(urls)).await;
    let newest = lost.entries.last().unwrap().seq;
    service.wait(async || (service.client.tip().await.unwrap().log.0 == newest).then_some(())).await;
    assert_eq!(log_of(&service, lost.entries.len()).await, lost.entries);
    service.stop().await;
}

/// An old copy that has gone on by itself: neither log is taken for the other, and an operator has to look.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_went_on_in_two_ways_stays_as_it_is() {
    let lost = lost().await;
    let service = Service::start(lost.config(Vec::new())).await;
    service.client.submit_inbox(transfer(9).into()).await.unwrap();
    let before = service.client.tip().await.unwrap().log;
    service.stop().await;
    let url = serve(lost.honest()).await;
    let service = Service::start(lost.config(vec![url])).await;
    refused(&service, "FORKED").await;
    assert_eq!(service.client.tip().await.unwrap().log, before);
    service.stop().await;
}

#[tokio::test]
async fn mirrors_without_a_log_key_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), "http://127.0.0.1:1");
    config.chains[0].mirrors = vec!["http://127.0.0.1:1".to_owned()];
    let handle = crate::start(config, super::listeners().await, weft_service::Shutdown::new()).unwrap();
    assert!(matches!(handle.task.await.unwrap(), Err(crate::RunError::NoLogKey)));
}
