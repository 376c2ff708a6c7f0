//! Judges puts by the policies, and keeps count of what they judge by.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use weft_da::PutClaim;
use weft_primitives::{Address, B256, Namespace, Signature};
use weft_service::clock::Clock;

use super::account::{Account, Key};
use super::rules::{Policies, Policy};
use crate::config::Config;
use crate::intake::PutError;
use crate::store::{Store, StoreError};

/// Namespaces without a policy of their own that are kept count of at once: those that have something on its way, or
/// have not rested long enough for their rates to be forgotten.
pub const MAX_TRACKED_NAMESPACES: usize = 4_096;

/// A put before its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Announced {
    /// Where the blob shall go.
    pub namespace: Namespace,
    /// BLAKE3 of the blob.
    pub content: B256,
    /// Its length in bytes.
    pub length: u64,
    /// The publisher's signature, if there is one.
    pub signature: Option<Signature>,
}

impl Announced {
    fn key(&self) -> Key {
        (self.content, self.length)
    }
}

struct State {
    policies: Arc<Policies>,
    accounts: HashMap<Namespace, Account>,
    /// On their way in all namespaces that had no policy of their own when they were admitted.
    foreign_bytes: u64,
    foreign_blobs: u64,
}

/// The one place that admits puts. Calls may read the store; they are short, but blocking.
pub struct Gate {
    config: Config,
    clock: Arc<dyn Clock>,
    store: Arc<dyn Store>,
    state: Mutex<State>,
}

/// A put's place within its namespace's bounds, until it is dropped.
pub struct Reservation {
    gate: Arc<Gate>,
    namespace: Namespace,
    key: Key,
    foreign: bool,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.gate.end(self);
    }
}

impl std::fmt::Debug for Reservation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reservation").field("namespace", &self.namespace).field("key", &self.key).finish()
    }
}

impl Gate {
    /// A gate over what `store` has counted.
    pub fn new(
        config: Config,
        policies: Policies,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StoreError> {
        let state = State { policies: Arc::default(), accounts: HashMap::new(), foreign_bytes: 0, foreign_blobs: 0 };
        let gate = Self { config, clock, store, state: Mutex::new(state) };
        gate.reload(policies)?;
        Ok(Arc::new(gate))
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with other policies. What is on its way stays admitted.
    pub fn reload(&self, policies: Policies) -> Result<(), StoreError> {
        let (now_ms, limits) = (self.clock.now_ms(), &self.config.limits);
        let mut state = self.locked();
        for (namespace, named) in &policies.named {
            if !state.accounts.contains_key(namespace) {
                let stored_bytes = self.store.usage(namespace)?.bytes;
                state.accounts.insert(*namespace, Account::new(stored_bytes, &named.policy, limits, now_ms));
            }
        }
        for (namespace, account) in &mut state.accounts {
            account.retune(policies.find(namespace).unwrap_or(&policies.default), limits, now_ms);
            show(&policies, namespace, account);
        }
        state.policies = Arc::new(policies);
        Ok(())
    }

    /// A namespace's name in metrics.
    pub fn label(&self, namespace: &Namespace) -> Arc<str> {
        self.locked().policies.label(namespace)
    }

    /// Whether the namespace may be used, for a blob of this length, by who signed. Changes nothing.
    pub fn check(&self, put: &Announced) -> Result<(), PutError> {
        let policies = self.locked().policies.clone();
        let policy = policies.find(&put.namespace).ok_or(PutError::Closed)?;
        if let Some(limit_bytes) = policy.max_blob_bytes
            && put.length > limit_bytes
        {
            let key = "max_blob_bytes of the namespace";
            return Err(PutError::TooLarge { len_bytes: put.length, limit_bytes, key });
        }
        policy.keys.as_deref().map_or(Ok(()), |keys| self.check_key(put, keys))
    }

    fn check_key(&self, put: &Announced, keys: &[Address]) -> Result<(), PutError> {
        let signature = put.signature.ok_or(PutError::Key { signer: None })?;
        let Announced { namespace, content, length, .. } = *put;
        let claim = PutClaim { network_id: self.config.network_id, namespace, content, length };
        let signer = claim.signer(&signature).map_err(|_| PutError::Key { signer: None })?;
        if !keys.contains(&signer) {
            return Err(PutError::Key { signer: Some(signer) });
        }
        Ok(())
    }

    /// Takes a put in, within the namespace's bounds, quota and rates. Checks all before it changes any.
    pub fn reserve(self: &Arc<Self>, put: &Announced) -> Result<Reservation, PutError> {
        let (now_ms, limits) = (self.clock.now_ms(), &self.config.limits);
        let mut state = self.locked();
        let policies = state.policies.clone();
        let policy = policies.find(&put.namespace).ok_or(PutError::Closed)?;
        let foreign = !policies.named.contains_key(&put.namespace);
        if foreign && !policies.named.is_empty() {
            self.within_foreign(&state, put.length)?;
        }
        let account = self.account(&mut state, &put.namespace, policy, now_ms)?;
        let (bytes, blobs) = (policy.waiting_bytes(limits), policy.waiting_blobs(limits));
        if account.waiting_bytes.saturating_add(put.length) > bytes {
            return Err(PutError::NamespaceFull { key: "max_waiting_bytes", limit: bytes });
        }
        if account.waiting_blobs >= blobs {
            return Err(PutError::NamespaceFull { key: "max_waiting_blobs", limit: blobs });
        }
        let stored = self.within_quota(account, put, policy.quota_bytes)?;
        match account.wait_ms(put.length, now_ms) {
            0 => account.begin(put.key(), stored),
            wait_ms => return Err(PutError::Rate { wait: Duration::from_millis(wait_ms) }),
        }
        if foreign {
            state.foreign_bytes += put.length;
            state.foreign_blobs += 1;
        }
        Ok(Reservation { gate: self.clone(), namespace: put.namespace, key: put.key(), foreign })
    }

    /// Where some namespaces have policies of their own, all others together get half of the intake: there may be any
    /// number of them, and who has a policy must find room.
    fn within_foreign(&self, state: &State, length: u64) -> Result<(), PutError> {
        let limits = &self.config.limits;
        let (bytes, blobs) = (limits.intake_max_bytes / 2, (limits.intake_max_blobs as u64 / 2).max(1));
        if state.foreign_bytes > 0 && state.foreign_bytes.saturating_add(length) > bytes {
            let key = "intake.max_bytes / 2 (namespaces without rules of their own)";
            return Err(PutError::Full { key, limit: bytes });
        }
        if state.foreign_blobs >= blobs {
            let key = "intake.max_blobs / 2 (namespaces without rules of their own)";
            return Err(PutError::Full { key, limit: blobs });
        }
        Ok(())
    }

    /// Whether the blob is stored already; it needs no quota then, nor if another put of it is on its way.
    fn within_quota(&self, account: &Account, put: &Announced, quota: Option<u64>) -> Result<bool, PutError> {
        let Some(quota_bytes) = quota else { return Ok(false) };
        if account.has_pending(&put.key()) {
            return Ok(false);
        }
        // Under the lock: a blob leaves `pending` only after it is found here.
        if let Some(place) = self.store.locate(&put.namespace, &put.content)?
            && self.store.is_here(&put.namespace, place)?
        {
            return Ok(true);
        }
        let used_bytes = account.used_bytes();
        if used_bytes.saturating_add(put.length) > quota_bytes {
            return Err(PutError::Quota { used_bytes, len_bytes: put.length, quota_bytes });
        }
        Ok(false)
    }

    fn account<'a>(
        &self,
        state: &'a mut State,
        namespace: &Namespace,
        policy: &Policy,
        now_ms: u64,
    ) -> Result<&'a mut Account, PutError> {
        let policies = state.policies.clone();
        let tracked = || MAX_TRACKED_NAMESPACES + policies.named.len();
        if !state.accounts.contains_key(namespace) && state.accounts.len() >= tracked() {
            state.accounts.retain(|name, account| policies.named.contains_key(name) || !account.is_idle(now_ms));
            if state.accounts.len() >= tracked() {
                let limit = MAX_TRACKED_NAMESPACES as u64;
                return Err(PutError::Full { key: "namespaces without a policy of their own at once", limit });
            }
        }
        match state.accounts.entry(*namespace) {
            std::collections::hash_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let stored_bytes = self.store.usage(namespace)?.bytes;
                Ok(entry.insert(Account::new(stored_bytes, policy, &self.config.limits, now_ms)))
            }
        }
    }

    /// Counts blobs that became durable: after they are in the store, before their puts end.
    pub fn store<'a>(&self, blobs: impl Iterator<Item = (&'a Namespace, B256, u64)>) {
        let mut state = self.locked();
        let State { policies, accounts, .. } = &mut *state;
        for (namespace, content, length) in blobs {
            if let Some(account) = accounts.get_mut(namespace) {
                account.store((content, length));
                self.recount(namespace, account);
                show(policies, namespace, account);
            }
        }
    }

    /// What the store says counts: it may have removed something meanwhile.
    fn recount(&self, namespace: &Namespace, account: &mut Account) {
        match self.store.usage(namespace) {
            Ok(usage) => account.stored_bytes = usage.bytes,
            Err(error) => tracing::error!(%error, %namespace, "usage of a namespace"),
        }
    }

    /// The store has removed something of a namespace.
    pub fn release(&self, namespace: &Namespace) {
        let mut state = self.locked();
        let State { policies, accounts, .. } = &mut *state;
        if let Some(account) = accounts.get_mut(namespace) {
            self.recount(namespace, account);
            show(policies, namespace, account);
        }
    }

    fn end(&self, put: &Reservation) {
        let now_ms = self.clock.now_ms();
        let mut state = self.locked();
        if put.foreign {
            state.foreign_bytes = state.foreign_bytes.saturating_sub(put.key.1);
            state.foreign_blobs = state.foreign_blobs.saturating_sub(1);
        }
        let named = state.policies.named.contains_key(&put.namespace);
        if let Some(account) = state.accounts.get_mut(&put.namespace) {
            account.end(&put.key);
            if !named && account.is_idle(now_ms) {
                state.accounts.remove(&put.namespace);
            }
        }
    }

    /// Namespaces kept count of.
    #[cfg(test)]
    pub(super) fn tracked(&self) -> usize {
        self.locked().accounts.len()
    }

    /// Bytes of a namespace that count against its quota, if it is kept count of.
    #[cfg(test)]
    pub(super) fn used_bytes(&self, namespace: &Namespace) -> Option<u64> {
        self.locked().accounts.get(namespace).map(Account::used_bytes)
    }
}

/// Metrics of namespaces with a policy of their own.
fn show(policies: &Policies, namespace: &Namespace, account: &Account) {
    if let Some(named) = policies.named.get(namespace) {
        let label = named.label.clone();
        metrics::gauge!("weft_da_namespace_stored_bytes", "namespace" => label).set(account.stored_bytes as f64);
    }
}
