//! Giving promises: on demand, never on the way of a block.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use weft_primitives::{Address, B256, Promise, SignedPromise, Signer};

use crate::chain::Chain;
use crate::store::{ChainStore, StoreError};

/// Promises that are kept, because several may ask for the newest blocks.
const CACHED: usize = 64;

/// Signs what is durable, while commitments may be signed too.
pub struct Promises {
    signer: Signer,
    open: AtomicBool,
    cache: Mutex<VecDeque<SignedPromise>>,
}

impl Promises {
    /// By the key that signs commitments. Closed.
    pub fn new(signer: Signer) -> Self {
        Self { signer, open: AtomicBool::new(false), cache: Mutex::default() }
    }

    /// Whose they are.
    pub fn signer(&self) -> Address {
        self.signer.address()
    }

    /// Given from now on, or not any more.
    pub fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::Release);
    }

    /// For a block of the chain.
    pub fn give(&self, chain: &Chain, number: u64, block_hash: B256) -> Result<Option<SignedPromise>, StoreError> {
        if number == 0 || !self.open.load(Ordering::Acquire) {
            return Ok(None);
        }
        let Some(base) = base(chain.store(), number)? else { return Ok(None) };
        let config = chain.config();
        let promise = Promise { chain_id: config.chain_id(), config_hash: config.hash(), base, number, block_hash };
        let cached = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signed) = cached().iter().find(|signed| signed.promise == promise) {
            return Ok(Some(*signed));
        }
        let signed = promise.sign(&self.signer);
        let mut cache = cached();
        cache.truncate(CACHED - 1);
        cache.push_front(signed);
        Ok(Some(signed))
    }
}

/// The newest signed commitment whose batch ends before a block; zero before the first. `None` if the batches before
/// are not here.
fn base(store: &ChainStore, number: u64) -> Result<Option<B256>, StoreError> {
    let mut next = match store.batch_of(number)? {
        Some(batch) => batch.header.batch_index,
        None => store.last_batch()?.map_or(0, |last| last.header.batch_index + 1),
    };
    // No more of them are unsigned than may wait to be posted.
    while let Some(index) = next.checked_sub(1) {
        let Some(batch) = store.batch(index)? else { return Ok(None) };
        if let Some(signed) = batch.signed {
            return Ok(Some(signed.header.hash()));
        }
        next = index;
    }
    Ok(Some(B256::ZERO))
}
