//! Judging every height up to one, and then ending.

use std::time::Duration;

use futures::{Stream, stream};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use weft_da::VerifiedHeader;
use weft_verdict::ChainConfidence;

use crate::client::Client;
use crate::config::ConfigError;
use crate::engine::{both, follow, judge_again, judge_all};
use crate::error::LightError;
use crate::judge::Judgement;
use crate::progress::Progress;
use crate::store::Totals;

/// Blocks named in a summary that may not be relied on.
const MAX_NAMED: usize = 100;

/// What judging all heights up to one came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The last height.
    pub height: u64,
    /// Blocks judged in this run.
    pub judged_now: u64,
    /// Sums over all judgements kept up to the height, of this run and before.
    #[serde(flatten)]
    pub totals: Totals,
    /// What all heights up to it are worth together, as far as they are linked.
    pub confidence: Option<ChainConfidence>,
    /// Bytes downloaded in this run: headers, digests, rows and paths.
    pub downloaded_bytes: u64,
    /// Time of this run, milliseconds.
    pub elapsed_ms: f64,
    /// Blocks that may not be relied on, lowest first, at most 100.
    pub not_available: Vec<Judgement>,
}

pub(crate) async fn until(client: &Client, height: u64, progress: Progress) -> Result<Summary, LightError> {
    let started = Instant::now();
    let wait = client.config.limits.wait_for_block;
    let start_height = client.config.start_height.filter(|start| *start > height && client.store.through().is_none());
    if let Some(start_height) = start_height {
        return Err(ConfigError::StartAboveEnd { start_height, until_height: height }.into());
    }
    let anchor = client.settle(Some(started + wait), &progress).await?;
    let mut run = Tally::default();
    for record in client.store.open_records(usize::MAX) {
        if record.judgement.height <= height
            && let Some(judgement) = judge_again(client, &anchor, &record, progress.clone()).await?
        {
            run.add(&judgement);
        }
    }
    if client.chain(&anchor).next_height() <= height {
        let (follow, headers) = follow(client, &anchor, Some(height), || {});
        let headers = bounded_wait(client, headers, wait);
        let judged = judge_all(client, headers, progress, |judgement| run.add(judgement));
        let followed = async { follow.run().await.map_err(|fork| client.fork(fork)) };
        both(followed, judged).await?;
    }
    Ok(Summary {
        height,
        judged_now: run.judged,
        totals: client.store.totals(height),
        confidence: client.store.confidence_between(0, height),
        downloaded_bytes: run.downloaded_bytes,
        elapsed_ms: (started.elapsed().as_secs_f64() * 1e5).round() / 1e2,
        not_available: client.store.not_available(height, MAX_NAMED),
    })
}

#[derive(Default)]
struct Tally {
    judged: u64,
    downloaded_bytes: u64,
}

impl Tally {
    fn add(&mut self, judgement: &Judgement) {
        self.judged += 1;
        self.downloaded_bytes += judgement.downloaded_bytes;
    }
}

/// Headers as they come; an error if none comes for too long.
fn bounded_wait(
    client: &Client,
    headers: mpsc::Receiver<VerifiedHeader>,
    wait: Duration,
) -> impl Stream<Item = Result<VerifiedHeader, LightError>> {
    stream::unfold(Some(headers), move |headers| async move {
        let mut headers = headers?;
        match timeout(wait, headers.recv()).await {
            Ok(Some(header)) => Some((Ok(header), Some(headers))),
            Ok(None) => None,
            Err(_) => {
                let what = "the next DA block".to_owned();
                let nodes = client.nodes.faults_in_words();
                Some((Err(LightError::NoBlock { what, waited: wait, nodes }), None))
            }
        }
    })
}
