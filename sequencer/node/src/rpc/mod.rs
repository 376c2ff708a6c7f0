//! Ethereum's JSON-RPC, over HTTP and WebSocket on one port.
//!
//! A thin layer over [`Backend`]: [`api`] has the methods, a file a subject; [`convert`] the shapes; [`error`] the
//! one mapping of failures; [`net`] sockets and limits. Everything a client can make this server keep (filters,
//! subscriptions, waiting calls) has a bound.
//!
//! Tags: `latest` is the newest executed and durable block; `pending` is the same, with the pool's nonces; `safe` is
//! the newest block that is posted and available; `finalized` the newest final one.
//!
//! Deliberately absent: accounts (nothing is signed here, but in `weft dev`, whose keys everyone knows), `eth_getProof` (the state tree is not Ethereum's), blobs,
//! tracers in JavaScript, and anything that changes the node; [`absent`] says why to those who ask.

mod absent;
mod api;
mod blocking;
mod blocks;
mod convert;
mod error;
mod fees;
mod filters;
mod forks;
mod ids;
mod logs;
mod net;
mod revert;
#[cfg(test)]
mod tests;

use tokio::net::TcpListener;
use weft_service::Shutdown;

pub use net::ServeError;

use crate::backend::Backend;

/// Serves `backend` until shutdown.
pub async fn serve(backend: Backend, listener: TcpListener, shutdown: Shutdown) -> Result<(), ServeError> {
    let config = backend.rpc_config().clone();
    let context = api::Context::new(backend);
    let methods = api::methods(&context)?;
    let stop = shutdown.child();
    let served = async {
        let result = net::serve(listener, methods, &config, shutdown).await;
        stop.trigger();
        result
    };
    // New blocks are kept in memory: most questions are about the newest ones.
    let (served, ()) = tokio::join!(served, context.blocks().follow(stop.clone()));
    served
}
