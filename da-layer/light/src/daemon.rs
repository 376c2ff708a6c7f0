//! The daemon: follows, judges, judges again what was not available, and serves gRPC and HTTP.
//!
//! A contradiction of the signer ends the following, because nobody can tell
//! which chain is right; the ports stay, not ready, and say why.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::Instant;
use tonic::service::Routes;
use weft_service::{Readiness, Shutdown, grpc};
use weft_wire::FILE_DESCRIPTOR_SET;
use weft_wire::pb::light::v1::light_client_server::LightClientServer;

use crate::client::Client;
use crate::error::LightError;
use crate::grpc::{LightService, SERVICE};
use crate::trust::Anchor;
use crate::{engine, pages, status};

/// Where a daemon listens.
#[derive(Debug)]
pub struct Listeners {
    /// gRPC.
    pub grpc: TcpListener,
    /// Metrics, health, page, verdicts, blobs.
    pub http: TcpListener,
}

/// What the client needs before it is ready.
const TRUST: &str = "trust";
const CHAIN: &str = "chain";

/// Open heights that are looked after; more wait until these are closed.
const MAX_OPEN: usize = 1_024;

/// The pause before an open height doubles up to this many times the first.
const MAX_PAUSES: u32 = 64;

pub(crate) async fn serve(client: &Client, listeners: Listeners, shutdown: Shutdown) -> Result<(), LightError> {
    weft_service::catalogue::announce(crate::metrics::METRICS);
    let readiness = Readiness::new(&[TRUST, CHAIN]);
    let status =
        status::status_of(client.store.clone(), client.nodes.clone(), client.board.clone(), client.config.target);
    let router = pages::router(client.clone(), readiness.clone(), status);
    // Whichever of them ends first, by itself or by a failure, ends the others.
    let stop = shutdown.child();
    let http = async {
        let ended = weft_service::http::serve(listeners.http, router, stop.clone()).await;
        stop.trigger();
        ended.map_err(LightError::from)
    };
    let grpc = async {
        let routes = Routes::new(LightClientServer::new(LightService::new(client.clone())));
        let ready = readiness.clone();
        let (descriptors, stop) = (FILE_DESCRIPTOR_SET, stop.clone());
        let ended = grpc::serve_with_readiness(listeners.grpc, routes, descriptors, SERVICE, ready, stop.clone()).await;
        stop.trigger();
        ended.map_err(LightError::from)
    };
    let work = async {
        let ended = match Box::pin(stop.unless(work(client, &readiness))).await {
            Some(Err(error @ LightError::Fork { .. })) => {
                readiness.unset(CHAIN, error.to_string());
                stop.wait().await;
                Ok(())
            }
            other => other.unwrap_or(Ok(())),
        };
        stop.trigger();
        ended
    };
    let (grpc, http, work) = futures::join!(grpc, http, work);
    work.and(grpc).and(http)
}

async fn work(client: &Client, readiness: &Readiness) -> Result<(), LightError> {
    let anchor = client.settle(None, &engine::silent()).await?;
    readiness.set(TRUST);
    let caught_up = {
        let readiness = readiness.clone();
        move || readiness.set(CHAIN)
    };
    let (follow, headers) = engine::follow(client, &anchor, None, caught_up);
    let followed = async { follow.run().await.map_err(|fork| client.fork(fork)) };
    let judged = engine::judge_all(client, engine::unbounded_wait(headers), engine::silent(), |_| {});
    futures::try_join!(engine::both(followed, judged), judge_again(client, &anchor)).map(|_| ())
}

/// Judges open heights again, each after a pause that doubles.
async fn judge_again(client: &Client, anchor: &Anchor) -> Result<(), LightError> {
    let first_pause = client.config.limits.recheck;
    let mut due: BTreeMap<u64, (Instant, u32)> = BTreeMap::new();
    loop {
        tokio::time::sleep(tick(first_pause)).await;
        let open = client.store.open_records(MAX_OPEN);
        due.retain(|height, _| open.iter().any(|record| record.judgement.height == *height));
        for record in open {
            let height = record.judgement.height;
            let (at, pauses) = *due.entry(height).or_insert_with(|| (Instant::now() + first_pause, 1));
            if Instant::now() >= at {
                engine::judge_again(client, anchor, &record, engine::silent()).await?;
                let pauses = pauses.saturating_mul(2).min(MAX_PAUSES);
                due.insert(height, (Instant::now() + first_pause.saturating_mul(pauses), pauses));
            }
        }
    }
}

/// How often the open heights are looked through.
fn tick(first_pause: Duration) -> Duration {
    (first_pause / 4).clamp(Duration::from_millis(10), Duration::from_secs(1))
}
