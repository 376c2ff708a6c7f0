//! Judging all heights, several at a time, and remembering them in order.
//!
//! Invariant: a height is written down only after all linked heights below it,
//! so what is on disk is always a run without gaps, and a restart goes on at
//! its end without sampling anything again.

use std::sync::Arc;

use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use weft_da::{VerifiedHeader, verify_checkpoint};
use weft_service::clock::{Clock, SystemClock};

use crate::client::Client;
use crate::error::LightError;
use crate::follow::Follow;
use crate::judge::{Case, Judged, Judgement, draw_seed};
use crate::progress::Progress;
use crate::store::Record;
use crate::trust::Anchor;

/// Headers that wait for judging.
const WAITING_HEADERS: usize = 64;

/// Most judgements written at a time.
const MAX_WRITE: usize = 64;

/// What became of one header.
enum Done {
    /// Judged now.
    Judged(Box<Judged>),
    /// Judged before; now linked.
    Known(Box<Record>),
}

/// A header to judge: with the rows drawn before if it was not available then, else with new ones.
pub(crate) fn case(client: &Client, header: VerifiedHeader, linked: bool) -> Result<Case, LightError> {
    let known = client.store.get(header.header().height).filter(|record| record.header.header == *header.header());
    let seed = match known.and_then(|record| record.seed) {
        Some(seed) => seed,
        None => draw_seed().ok_or(LightError::Randomness)?,
    };
    Ok(Case { header, linked, seed })
}

/// Follows the chain from where the store ends, and hands over the headers.
pub(crate) fn follow(
    client: &Client,
    anchor: &Anchor,
    until_height: Option<u64>,
    caught_up: impl Fn() + Send + Sync + 'static,
) -> (Follow, mpsc::Receiver<VerifiedHeader>) {
    let (out, headers) = mpsc::channel(WAITING_HEADERS);
    let follow = Follow {
        nodes: client.nodes.clone(),
        chain: client.chain(anchor),
        start_height: client.config.start_height,
        until_height,
        limits: client.config.limits.clone(),
        store: client.store.clone(),
        board: client.board.clone(),
        out,
        caught_up: Box::new(caught_up),
    };
    (follow, headers)
}

/// Judges headers as they come and remembers the judgements; hands each to `seen`. Ends with the headers.
pub(crate) async fn judge_all(
    client: &Client,
    headers: impl Stream<Item = Result<VerifiedHeader, LightError>>,
    progress: Progress,
    mut seen: impl FnMut(&Judgement),
) -> Result<(), LightError> {
    let work = headers.map(|header| judge_next(client, header, progress.clone()));
    let done = work.buffered(client.config.limits.parallel_blocks).ready_chunks(MAX_WRITE);
    let mut done = std::pin::pin!(done);
    while let Some(chunk) = done.next().await {
        let mut judged = Vec::new();
        let mut failure = None;
        let mut records = Vec::new();
        for done in chunk {
            match done {
                Ok(Done::Judged(one)) => {
                    seen(&one.judgement);
                    records.push(Record::new(&one, SystemClock.now_ms()));
                    judged.push(*one);
                }
                Ok(Done::Known(record)) => records.push(*record),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        write(client, records, judged).await?;
        if let Some(error) = failure {
            return Err(error);
        }
    }
    Ok(())
}

async fn judge_next(
    client: &Client,
    header: Result<VerifiedHeader, LightError>,
    progress: Progress,
) -> Result<Done, LightError> {
    let header = header?;
    let known = client.store.get(header.header().height);
    let known = known.filter(|known| {
        let judgement = &known.judgement;
        judgement.header_hash == header.hash()
            && judgement.verdict.is_final()
            && (!judgement.verdict.is_available() || judgement.confidence() >= client.config.target.confidence())
    });
    if let Some(mut record) = known {
        record.judgement.linked = true;
        return Ok(Done::Known(Box::new(record)));
    }
    let judged = client.judge.judge(case(client, header, true)?, progress).await;
    report(&judged.judgement);
    Ok(Done::Judged(Box::new(judged)))
}

fn report(judgement: &Judgement) {
    let Judgement { height, verdict, available, encoded, .. } = judgement;
    match (verdict.is_available(), verdict.is_final()) {
        (true, _) => tracing::debug!(height, available, encoded, "available"),
        (false, false) => tracing::warn!(height, ?verdict, "not available, or not decided"),
        (false, true) => tracing::error!(height, ?verdict, "THE PRODUCER MADE A WRONG BLOCK"),
    }
}

/// Remembers judgements made one by one.
pub(crate) async fn remember(client: &Client, judged: Vec<Judged>) -> Result<(), LightError> {
    let now_ms = SystemClock.now_ms();
    let records = judged.iter().map(|judged| Record::new(judged, now_ms)).collect();
    write(client, records, judged).await
}

async fn write(client: &Client, records: Vec<Record>, judged: Vec<Judged>) -> Result<(), LightError> {
    let store = client.store.clone();
    let written = tokio::task::spawn_blocking(move || {
        judged.iter().try_for_each(|judged| store.keep_rows(judged))?;
        store.append(records)
    });
    written.await??;
    let through = client.store.through().map_or(0, |header| header.header.height);
    crate::metrics::progress(client.board.header_height(), through, client.store.open_count());
    if let Some(confidence) = client.store.chain_confidence() {
        crate::metrics::chain_confidence(&confidence);
    }
    Ok(())
}

/// Judges an open height again, by the same rows. `None` if the store has no such height any more.
pub(crate) async fn judge_again(
    client: &Client,
    anchor: &Anchor,
    record: &Record,
    progress: Progress,
) -> Result<Option<Judgement>, LightError> {
    let Ok(header) = verify_checkpoint(&record.header, anchor.address) else { return Ok(None) };
    let judged = client.judge.judge(case(client, header, record.judgement.linked)?, progress).await;
    report(&judged.judgement);
    let judgement = judged.judgement.clone();
    remember(client, vec![judged]).await?;
    Ok(Some(judgement))
}

/// Runs the following and the judging of one chain. When the following ends, what it handed over is still judged.
pub(crate) async fn both(
    followed: impl Future<Output = Result<(), LightError>>,
    judged: impl Future<Output = Result<(), LightError>>,
) -> Result<(), LightError> {
    let mut followed = std::pin::pin!(followed);
    let mut judged = std::pin::pin!(judged);
    tokio::select! {
        ended = &mut followed => {
            let judged = judged.await;
            ended.and(judged)
        }
        ended = &mut judged => {
            ended?;
            followed.await
        }
    }
}

/// Headers as they come, for as long as it takes.
pub(crate) fn unbounded_wait(
    headers: mpsc::Receiver<VerifiedHeader>,
) -> impl Stream<Item = Result<VerifiedHeader, LightError>> {
    tokio_stream::wrappers::ReceiverStream::new(headers).map(Ok)
}

/// Shares what no event is wanted of.
pub(crate) fn silent() -> Progress {
    Arc::new(|_| {})
}
