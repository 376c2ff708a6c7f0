//! `eth_subscribe` over WebSockets: `newHeads`, `logs`, `newPendingTransactions`, `transactionReceipts`, and
//! `transactionStatus`, the way of one transaction.
//!
//! A subscription to the chain is a cursor that follows the head, so it has no gap and no double, however far it falls
//! behind: from the moment it was answered, or from the block that it names (`fromBlock`), where one before was cut off.
//! Where a follower takes back blocks, the cursor goes back with it: `logs` gives the events of those that it had passed
//! once more, `removed` and the last one first, then all go on with the blocks that stand there now.
//! A client that leaves `rpc.max_subscription_lag` messages untaken for [`PATIENCE`], misses an event that cannot be read
//! again, or would have to be told of more removed events than are remembered, is disconnected: it must never believe
//! that it has seen everything when it has not.

mod wanted;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use alloy_eips::BlockNumberOrTag;
use alloy_primitives::B256;
use alloy_rpc_types_eth::Filter;
use jsonrpsee::core::server::{PendingSubscriptionSink, SendTimeoutError, SubscriptionSink};
use jsonrpsee::core::{RegisterMethodError, to_json_raw_value};
use jsonrpsee::server::{Extensions, RpcModule};
use jsonrpsee::types::Params;
use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;

use super::{Context, weft};
use crate::chain::{Forgotten, FullBlock, Gone, Heads, Reader};
use crate::rpc::convert;
use crate::rpc::error::RpcError;
use crate::rpc::logs::{self, resolve};
use crate::rpc::net::Gate;
use crate::watch::Watched;
use wanted::Wanted;

/// How long a client with a full buffer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a subscription delivers, and from where.
enum Source {
    Heads(Cursor),
    Logs { cursor: Cursor, filter: Box<Filter> },
    Receipts { cursor: Cursor, hashes: HashSet<B256> },
    Accepted { hashes: broadcast::Receiver<B256>, full: bool },
    Status(Box<Watched>),
}

/// The next block to deliver.
struct Cursor {
    reader: Reader,
    heads: watch::Receiver<Heads>,
}

/// Why a subscription ends by itself.
enum End {
    /// The client has gone or unsubscribed.
    Closed,
    /// The client would miss something.
    Cut(&'static str),
}

/// `eth_subscribe` and `eth_unsubscribe`.
pub fn module(context: Context) -> Result<RpcModule<Context>, RegisterMethodError> {
    let mut module = RpcModule::new(context);
    module.register_subscription("eth_subscribe", "eth_subscription", "eth_unsubscribe", subscribe)?;
    Ok(module)
}

async fn subscribe(
    params: Params<'static>,
    pending: PendingSubscriptionSink,
    context: Arc<Context>,
    extensions: Extensions,
) {
    // Before the answer: whatever comes after it is delivered.
    let source = match source(&params, &context).await {
        Ok(source) => source,
        Err(error) => return pending.reject(error).await,
    };
    let Ok(sink) = pending.accept().await else { return };
    metrics::gauge!("weft_rpc_subscriptions").increment(1.0);
    let end = tokio::select! {
        () = sink.closed() => End::Closed,
        end = pump(source, &sink, &context) => end,
    };
    metrics::gauge!("weft_rpc_subscriptions").decrement(1.0);
    if let End::Cut(why) = end {
        metrics::counter!("weft_rpc_subscribers_cut_total").increment(1);
        tracing::debug!(why, "rpc.subscriber_cut");
        if let Some(gate) = extensions.get::<Arc<Gate>>() {
            gate.close();
        }
    }
}

async fn source(params: &Params<'_>, context: &Context) -> Result<Source, RpcError> {
    Ok(match Wanted::parse(params)? {
        Wanted::Heads { from } => Source::Heads(cursor(from, context).await?),
        Wanted::Logs { filter, from, first_log } => {
            let mut cursor = cursor(from, context).await?;
            cursor.reader.begun = first_log;
            Source::Logs { cursor, filter }
        }
        Wanted::Receipts { hashes, from } => Source::Receipts { cursor: cursor(from, context).await?, hashes },
        Wanted::Accepted { full } => Source::Accepted { hashes: context.backend.subscribe_accepted(), full },
        Wanted::Status(hash) => Source::Status(Box::new(Watched::new(context.backend.clone(), hash))),
    })
}

/// From a block on, which is there or still to come.
async fn cursor(from: Option<BlockNumberOrTag>, context: &Context) -> Result<Cursor, RpcError> {
    let chain = context.backend.chain();
    let (mut reader, mut heads) = (chain.reader(), chain.watch_heads());
    let now = *heads.borrow_and_update();
    if let Some(tag) = from.filter(|tag| !matches!(tag, BlockNumberOrTag::Latest | BlockNumberOrTag::Pending)) {
        reader.next = resolve(tag, &now);
    }
    let next = reader.next;
    if next <= now.latest && context.read(move |inner| inner.blocks.get(next)).await?.is_none() {
        return Err(RpcError::Refused(format!("fromBlock: block {next} is not kept by this node")));
    }
    Ok(Cursor { reader, heads })
}

async fn pump(source: Source, sink: &SubscriptionSink, context: &Context) -> End {
    match source {
        Source::Heads(cursor) => {
            let header = |full: &FullBlock, _| vec![convert::header(&full.block.header, full.block.hash)];
            follow(cursor, sink, context, header, unsaid).await
        }
        Source::Logs { cursor, filter } => {
            let wanted = |full: &FullBlock, begun| {
                logs::in_block(&filter, full).filter(|log| log.log_index >= Some(begun)).collect::<Vec<_>>()
            };
            follow(cursor, sink, context, wanted, |gone| logs::removed(&filter, gone)).await
        }
        Source::Receipts { cursor, hashes } => {
            let wanted = |full: &FullBlock, _| {
                let all = convert::block_receipts(context.backend.dialect(), &full.block, &full.receipts);
                let is_wanted = |hash: &B256| hashes.is_empty() || hashes.contains(hash);
                let some: Vec<_> = all.into_iter().filter(|one| is_wanted(&one.transaction_hash)).collect();
                if some.is_empty() { Vec::new() } else { vec![some] }
            };
            follow(cursor, sink, context, wanted, unsaid).await
        }
        Source::Accepted { hashes, full } => accepted(hashes, full, sink, context).await,
        Source::Status(watched) => status(*watched, sink).await,
    }
}

/// Of blocks that are gone: what comes in their places says it all.
fn unsaid<T>(_: &[Gone]) -> Result<Vec<T>, Forgotten> {
    Ok(Vec::new())
}

/// Delivers what `messages` makes of each block, of which the client has so many events already, and `removed` of blocks
/// that were passed and are gone.
async fn follow<T: Serialize>(
    mut cursor: Cursor,
    sink: &SubscriptionSink,
    context: &Context,
    messages: impl Fn(&FullBlock, u64) -> Vec<T>,
    removed: impl Fn(&[Gone]) -> Result<Vec<T>, Forgotten>,
) -> End {
    let chain = context.backend.chain();
    loop {
        let latest = cursor.heads.borrow_and_update().latest;
        let Ok(gone) = cursor.reader.go_back(chain).and_then(|gone| removed(&gone)) else {
            return End::Cut("more was taken back than is remembered");
        };
        let number = cursor.reader.next;
        let full = if number <= latest { context.read(move |inner| inner.blocks.get(number)).await } else { Ok(None) };
        let is_current = cursor.reader.is_current(chain);
        let mut new = Vec::new();
        match full {
            Ok(Some(full)) if is_current => {
                new = messages(&full, cursor.reader.begun);
                cursor.reader.pass();
            }
            _ if !is_current || number > latest => {}
            _ => return End::Cut("a block cannot be read"),
        }
        for message in gone.iter().chain(&new) {
            if let Err(end) = send(sink, message).await {
                return end;
            }
        }
        // The end of a rollback moves the head.
        let waits = number > latest || !is_current;
        if waits && cursor.heads.changed().await.is_err() {
            return End::Closed;
        }
    }
}

async fn accepted(
    mut hashes: broadcast::Receiver<B256>,
    full: bool,
    sink: &SubscriptionSink,
    context: &Context,
) -> End {
    loop {
        let hash = match hashes.recv().await {
            Ok(hash) => hash,
            Err(RecvError::Lagged(_)) => return End::Cut("transactions were missed"),
            Err(RecvError::Closed) => return End::Closed,
        };
        let sent = if full {
            match context.read(move |inner| inner.transaction(&hash)).await {
                Ok(Some(transaction)) => send(sink, &transaction).await,
                // Replaced or dropped meanwhile.
                Ok(None) => Ok(()),
                Err(_) => return End::Cut("a transaction cannot be read"),
            }
        } else {
            send(sink, &hash).await
        };
        if let Err(end) = sent {
            return end;
        }
    }
}

async fn status(mut watched: Watched, sink: &SubscriptionSink) -> End {
    loop {
        let sent = match watched.next().await {
            Ok(Some(status)) => send(sink, &weft::Status::from(status)).await,
            Ok(None) => return End::Closed,
            Err(_) => return End::Cut("a transaction's status cannot be read"),
        };
        if let Err(end) = sent {
            return end;
        }
    }
}

async fn send(sink: &SubscriptionSink, message: &impl Serialize) -> Result<(), End> {
    let Ok(json) = to_json_raw_value(message) else { return Err(End::Cut("a message cannot be written")) };
    match sink.send_timeout(json, PATIENCE).await {
        Ok(()) => Ok(()),
        Err(SendTimeoutError::Closed(_)) => Err(End::Closed),
        Err(SendTimeoutError::Timeout(_)) => Err(End::Cut("the client is too slow (rpc.max_subscription_lag)")),
    }
}
