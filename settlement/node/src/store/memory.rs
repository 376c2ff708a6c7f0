//! The twin of the SQL stores, for tests: the same answers, nothing durable.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy_primitives::{Address, B256, Bytes};
use weft_primitives::SignedBatch;
use weft_settlement::{Account, Head, History, InboxRow, LogEntry, PostFacts, Record, SignedKeyChange, Status, Terms};
use weft_state::{TreeKey, Value};

use super::{Answer, Genesis, Loaded, MAX_PAGE, StateWrite, Store, StoreError, VerifierState, Write};

/// The tables of one chain in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Option<Tables>>);

#[derive(Debug)]
struct Tables {
    config_hash: B256,
    terms: Terms,
    version: u64,
    head: Head,
    history: History,
    state: VerifierState,
    leaves: BTreeMap<TreeKey, Value>,
    codes: BTreeMap<B256, Bytes>,
}

impl Tables {
    fn new(genesis: &Genesis) -> Self {
        let checkpoint = genesis.state.checkpoint.clone();
        let mut tables = Self {
            config_hash: genesis.config_hash,
            terms: genesis.terms.clone(),
            version: 0,
            head: Head::default(),
            history: History::default(),
            state: VerifierState { checkpoint, leaves: Vec::new(), codes: Vec::new() },
            leaves: BTreeMap::new(),
            codes: BTreeMap::new(),
        };
        tables.put_state(&genesis.state);
        tables
    }

    fn put_state(&mut self, state: &StateWrite) {
        self.state.checkpoint = state.checkpoint.clone();
        self.codes.extend(state.codes.iter().cloned());
        for (key, value) in &state.leaves {
            match value {
                Some(value) => drop(self.leaves.insert(*key, *value)),
                None => drop(self.leaves.remove(key)),
            }
        }
    }
}

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, Option<Tables>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T: Send + 'static>(&self, act: impl FnOnce(&mut Tables) -> Result<T, StoreError>) -> Answer<'_, T> {
        let result = match self.lock().as_mut() {
            Some(tables) => act(tables),
            None => Err(StoreError::damaged("the chain was not opened")),
        };
        Box::pin(async { result })
    }
}

fn page<T>(rows: impl Iterator<Item = T>, limit: u32) -> Vec<T> {
    rows.take(limit.min(MAX_PAGE) as usize).collect()
}

fn from<T: Clone>(rows: &[T], at: u64, limit: u32) -> Vec<T> {
    let rest = usize::try_from(at).ok().and_then(|at| rows.get(at..)).unwrap_or_default();
    page(rest.iter().cloned(), limit)
}

impl Store for MemoryStore {
    fn open<'a>(&'a self, genesis: &'a Genesis) -> Answer<'a, ()> {
        let (found, terms) = {
            let mut tables = self.lock();
            let tables = tables.get_or_insert_with(|| Tables::new(genesis));
            (tables.config_hash, tables.terms.clone())
        };
        let expected = genesis.config_hash;
        Box::pin(async move {
            if found != expected {
                return Err(StoreError::WrongChain { found, expected });
            }
            if terms != genesis.terms {
                let (found, expected) = (terms.to_string(), genesis.terms.to_string());
                return Err(StoreError::WrongTerms { found, expected });
            }
            Ok(())
        })
    }

    fn load(&self) -> Answer<'_, Loaded> {
        self.with(|tables| {
            let first = tables.head.finalized_index.unwrap_or_default();
            let mut pending: Vec<Record> = tables.history.canonical_from(first).cloned().collect();
            let is_final = pending.first().is_some_and(|record| record.status == Status::Finalized);
            let finalized = is_final.then(|| pending.remove(0));
            Ok(Loaded { version: tables.version, head: tables.head.clone(), finalized, pending })
        })
    }

    fn version(&self) -> Answer<'_, u64> {
        self.with(|tables| Ok(tables.version))
    }

    fn commit<'a>(&'a self, write: &'a Write) -> Answer<'a, ()> {
        self.with(|tables| {
            if tables.version != write.version {
                return Err(StoreError::Conflict);
            }
            tables.version += 1;
            tables.head = write.head.clone();
            write.effects.iter().for_each(|effect| tables.history.absorb(effect));
            write.state.iter().for_each(|state| tables.put_state(state));
            Ok(())
        })
    }

    fn facts<'a>(&'a self, signed: &'a SignedBatch) -> Answer<'a, PostFacts> {
        self.with(|tables| Ok(tables.history.facts(signed)))
    }

    fn key_change(&self, epoch: u64) -> Answer<'_, Option<(u64, SignedKeyChange)>> {
        self.with(|tables| Ok(tables.history.key_change(epoch)))
    }

    fn entries(&self, from_seq: u64, limit: u32) -> Answer<'_, Vec<LogEntry>> {
        self.with(|tables| Ok(from(tables.history.entries(), from_seq.saturating_sub(1), limit)))
    }

    fn record(&self, commitment: B256) -> Answer<'_, Option<Record>> {
        self.with(|tables| Ok(tables.history.record(commitment).cloned()))
    }

    fn canonical(&self, from_index: u64, limit: u32) -> Answer<'_, Vec<Record>> {
        self.with(|tables| Ok(page(tables.history.canonical_from(from_index).cloned(), limit)))
    }

    fn account(&self, address: Address) -> Answer<'_, Account> {
        self.with(move |tables| Ok(tables.history.account(address)))
    }

    fn paid(&self, index: u64) -> Answer<'_, Option<u64>> {
        self.with(move |tables| Ok(tables.history.paid(index)))
    }

    fn broken_promise(&self, promise: B256) -> Answer<'_, Option<u64>> {
        self.with(move |tables| Ok(tables.history.broken_promise(promise)))
    }

    fn voided(&self, base: u64, commitment: u64) -> Answer<'_, Option<u64>> {
        self.with(move |tables| Ok(tables.history.voided(base, commitment)))
    }

    fn inbox(&self, from_index: u64, limit: u32) -> Answer<'_, Vec<InboxRow>> {
        self.with(|tables| Ok(from(tables.history.inbox(), from_index, limit)))
    }

    fn verifier_state(&self) -> Answer<'_, VerifierState> {
        self.with(|tables| {
            let leaves = tables.leaves.iter().map(|(key, value)| (*key, *value)).collect();
            let codes = tables.codes.values().cloned().collect();
            Ok(VerifierState { checkpoint: tables.state.checkpoint.clone(), leaves, codes })
        })
    }
}
