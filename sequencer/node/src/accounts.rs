//! What an account has sent and received: pages of the index by account, with what the blocks say, and the index's growth
//! back to the blocks from before it was kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use weft_primitives::{Address, B256};
use weft_service::Shutdown;

use crate::backend::Backend;
use crate::chain::Chain;
use crate::store::{Kinds, Place, StoreError, StoredBlock};

/// Transactions in a page, if nobody says how many, and at most.
pub const DEFAULT_PAGE: usize = 25;
/// See [`DEFAULT_PAGE`].
pub const MAX_PAGE: usize = 100;

/// How often a page is read again because blocks were taken back meanwhile.
const TRIES: usize = 3;

/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// A transaction that an account has to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touching {
    /// Its hash.
    pub hash: B256,
    /// Where it is.
    pub place: Place,
    /// Its block's time, seconds.
    pub timestamp_s: u64,
    /// What the account has to do with it.
    pub kinds: Kinds,
}

/// A page of an account's transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The newest first.
    pub transactions: Vec<Touching>,
    /// All blocks from this one on are in the index; before it there may be more than is told.
    pub complete_from: u64,
    /// The next page has what comes before this place; `None`: nothing that is in the index does.
    pub next: Option<Place>,
}

/// The newest transactions of an account that come before a place, at most `limit` (of at least 1); `None`: this node
/// keeps no index by account.
pub fn page(
    backend: &Backend,
    address: &Address,
    before: Option<Place>,
    limit: usize,
) -> Result<Option<Page>, StoreError> {
    let mut tries = TRIES;
    loop {
        let rollbacks = backend.chain().rollbacks();
        let page = read(backend, address, before, limit)?;
        tries -= 1;
        // Rows and blocks are read one after the other: they must be of one chain.
        if backend.chain().rollbacks() == rollbacks || tries == 0 {
            return Ok(page);
        }
    }
}

fn read(backend: &Backend, address: &Address, before: Option<Place>, limit: usize) -> Result<Option<Page>, StoreError> {
    // A row may be on disk a moment before its block is announced.
    let newest = Place { number: backend.heads().latest.saturating_add(1), index: 0 };
    let before = before.map_or(newest, |before| before.min(newest));
    let Some(mut all) = backend.chain().store().account_transactions(address, before, limit + 1)? else {
        return Ok(None);
    };
    let more = all.found.len() > limit;
    all.found.truncate(limit);
    let next = all.found.last().filter(|_| more).map(|(place, _)| *place);
    let mut transactions = Vec::with_capacity(all.found.len());
    let mut block: Option<Arc<StoredBlock>> = None;
    for (place, kinds) in all.found {
        if block.as_ref().is_none_or(|block| block.header.number != place.number) {
            block = backend.block(place.number)?;
        }
        // One that is not there was taken back a moment ago.
        let Some(block) = &block else { continue };
        let Some(transaction) = block.body.transactions.get(place.index as usize) else { continue };
        let timestamp_s = block.header.timestamp;
        transactions.push(Touching { hash: transaction.hash(), place, timestamp_s, kinds });
    }
    Ok(Some(Page { transactions, complete_from: all.complete_from, next }))
}

/// Indexes the blocks from before the index was kept, the newest first, until shutdown; blocks that are made meanwhile
/// come first.
pub async fn fill(chain: Arc<Chain>, stop: Shutdown) -> Result<(), StoreError> {
    let Some(first) = chain.store().accounts_from()? else {
        stop.wait().await;
        return Ok(());
    };
    show(first);
    let mut told: Option<Instant> = None;
    while !stop.is_triggered() {
        let (begun, store) = (Instant::now(), chain.store().clone());
        let filled = tokio::task::spawn_blocking(move || store.fill_accounts()).await;
        // It panicked, which is in the log; what is indexed so far is right.
        let Ok(filled) = filled else { break };
        let Some(from) = filled? else { break };
        show(from);
        if told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            tracing::info!(complete_from = from, "older blocks are being added to the index by account");
            told = Some(Instant::now());
        }
        // Half of a core at most.
        stop.unless(tokio::time::sleep(begun.elapsed())).await;
    }
    if let Some(from) = chain.store().accounts_from()?.filter(|_| told.is_some()) {
        tracing::info!(complete_from = from, "the index by account has got as far back as it will");
    }
    stop.wait().await;
    Ok(())
}

fn show(from: u64) {
    metrics::gauge!("weft_rpc_account_index_first_block").set(from as f64);
}
