//! `eth_subscribe` over WebSockets: `newHeads`, `logs`, `newPendingTransactions`.
//!
//! A subscription to the chain is a cursor that follows the head, so it has no gap and no double from the moment it
//! was answered, however far it falls behind. A client that leaves `rpc.max_subscription_lag` messages untaken for
//! [`PATIENCE`], or misses an event that cannot be read again, is disconnected: it must never believe that it has
//! seen everything when it has not.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use alloy_rpc_types_eth::Filter;
use alloy_rpc_types_eth::pubsub::{Params, SubscriptionKind};
use jsonrpsee::core::server::{PendingSubscriptionSink, SendTimeoutError, SubscriptionSink};
use jsonrpsee::core::{RegisterMethodError, to_json_raw_value};
use jsonrpsee::server::{Extensions, RpcModule};
use jsonrpsee::types::Params as RawParams;
use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;

use super::Context;
use crate::chain::{FullBlock, Heads};
use crate::rpc::convert;
use crate::rpc::error::RpcError;
use crate::rpc::logs;
use crate::rpc::net::Gate;

/// How long a client with a full buffer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a subscription delivers, and from where.
enum Source {
    Heads(Cursor),
    Logs(Cursor, Box<Filter>),
    Accepted { hashes: broadcast::Receiver<B256>, full: bool },
}

/// The next block to deliver.
struct Cursor {
    next: u64,
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
    params: RawParams<'static>,
    pending: PendingSubscriptionSink,
    context: Arc<Context>,
    extensions: Extensions,
) {
    // Before the answer: whatever comes after it is delivered.
    let source = match source(&params, &context) {
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

fn source(params: &RawParams<'_>, context: &Context) -> Result<Source, jsonrpsee::types::ErrorObjectOwned> {
    let mut params = params.sequence();
    let kind: SubscriptionKind = params.next()?;
    let params: Params = params.optional_next()?.unwrap_or_default();
    let cursor = || {
        let mut heads = context.backend.chain().watch_heads();
        let next = heads.borrow_and_update().latest + 1;
        Cursor { next, heads }
    };
    match (kind, params) {
        (SubscriptionKind::NewHeads, _) => Ok(Source::Heads(cursor())),
        (SubscriptionKind::Logs, Params::Logs(filter)) => Ok(Source::Logs(cursor(), filter)),
        (SubscriptionKind::Logs, Params::None) => Ok(Source::Logs(cursor(), Box::default())),
        (SubscriptionKind::NewPendingTransactions, Params::Bool(full)) => {
            Ok(Source::Accepted { hashes: context.backend.subscribe_accepted(), full })
        }
        (SubscriptionKind::NewPendingTransactions, Params::None) => {
            Ok(Source::Accepted { hashes: context.backend.subscribe_accepted(), full: false })
        }
        (kind, _) => Err(RpcError::Params(format!("no {kind} subscription with these parameters")).into()),
    }
}

async fn pump(source: Source, sink: &SubscriptionSink, context: &Context) -> End {
    match source {
        Source::Heads(cursor) => {
            follow(cursor, sink, context, |full| vec![convert::header(&full.block.header, full.block.hash)]).await
        }
        Source::Logs(cursor, filter) => {
            follow(cursor, sink, context, |full| logs::in_block(&filter, full).collect()).await
        }
        Source::Accepted { hashes, full } => accepted(hashes, full, sink, context).await,
    }
}

/// Delivers what `messages` makes of each block.
async fn follow<T: Serialize>(
    mut cursor: Cursor,
    sink: &SubscriptionSink,
    context: &Context,
    messages: impl Fn(&FullBlock) -> Vec<T>,
) -> End {
    loop {
        let latest = cursor.heads.borrow_and_update().latest;
        while cursor.next <= latest {
            let number = cursor.next;
            let Ok(Some(full)) = context.read(move |inner| inner.blocks.get(number)).await else {
                return End::Cut("a block cannot be read");
            };
            for message in messages(&full) {
                if let Err(end) = send(sink, &message).await {
                    return end;
                }
            }
            cursor.next += 1;
        }
        if cursor.heads.changed().await.is_err() {
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

async fn send(sink: &SubscriptionSink, message: &impl Serialize) -> Result<(), End> {
    let Ok(json) = to_json_raw_value(message) else { return Err(End::Cut("a message cannot be written")) };
    match sink.send_timeout(json, PATIENCE).await {
        Ok(()) => Ok(()),
        Err(SendTimeoutError::Closed(_)) => Err(End::Closed),
        Err(SendTimeoutError::Timeout(_)) => Err(End::Cut("the client is too slow (rpc.max_subscription_lag)")),
    }
}
