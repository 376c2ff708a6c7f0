//! A store must hold exactly what its log says.

use weft_settlement::{Event, Limits, LogEntry, Replay, Rules};

use super::Fresh;
use super::fixture::{genesis_of, rules};
use crate::store::{Store, Write};

/// Invariant 9: no gaps, a hash chain, and the replayed log gives the very tables that the store has.
pub(super) async fn check(store: &dyn Store) {
    check_of(store, &rules()).await;
}

/// The same for a chain with other rules.
pub(super) async fn check_of(store: &dyn Store, rules: &Rules) {
    let mut replay = Replay::new(rules.clone());
    for entry in entries(store).await {
        replay.push(&entry).unwrap();
    }
    assert!(replay.is_complete());
    let (chain, history) = (replay.chain(), replay.history());
    let loaded = store.load().await.unwrap();
    assert_eq!(&loaded.head, chain.head());
    let restored = loaded.restore(rules.clone(), Limits::NONE).unwrap();
    assert_eq!(&restored, chain);
    for record in history.records() {
        assert_eq!(store.record(record.commitment).await.unwrap().as_ref(), Some(record));
        assert_eq!(store.facts(&record.signed).await.unwrap(), history.facts(&record.signed));
    }
    for epoch in 0..=chain.head().epoch {
        assert_eq!(store.key_change(epoch).await.unwrap(), history.key_change(epoch));
    }
    for account in history.accounts() {
        assert_eq!(&store.account(account.address).await.unwrap(), account);
    }
    for entry in history.entries() {
        match &entry.event {
            Event::Claim(claim) => {
                assert_eq!(store.paid(claim.withdrawal.index).await.unwrap(), Some(entry.seq));
                assert_eq!(store.claim_facts(claim).await.unwrap(), history.claim_facts(claim));
            }
            Event::BrokenPromise(broken) => {
                let (promise, commitment) = (&broken.promise.promise, broken.commitment);
                let facts = store.promise_facts(promise, commitment).await.unwrap();
                assert_eq!(facts, history.promise_facts(promise, commitment));
                assert_eq!(facts.known, Some(entry.seq));
            }
            _ => {}
        }
    }
    for (base, commitment) in (0..=chain.head().log_seq).flat_map(|base| [(base, base), (base, base + 9)]) {
        assert_eq!(store.voided(base, commitment).await.unwrap(), history.voided(base, commitment));
    }
    let canonical = store.canonical(0, u32::MAX).await.unwrap();
    assert!(canonical.iter().eq(history.canonical_from(0)));
    assert_eq!(store.inbox(0, u32::MAX).await.unwrap(), history.inbox());
}

async fn entries(store: &dyn Store) -> Vec<LogEntry> {
    let mut all: Vec<LogEntry> = Vec::new();
    loop {
        let page = store.entries(all.len() as u64 + 1, 7).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Invariant 9, to the byte: the log of one store, replayed into an empty one, gives the same rows in every table.
pub(super) async fn rebuilds(lived: &Fresh, empty: &Fresh, rules: &Rules) {
    empty.store.open(&genesis_of(rules)).await.unwrap();
    let mut replay = Replay::new(rules.clone());
    let mut version = 0;
    for entry in entries(&*lived.store).await {
        let effects = replay.push(&entry).unwrap();
        if !effects.is_empty() {
            let head = replay.chain().head().clone();
            empty.store.commit(&Write { version, head, effects, state: None }).await.unwrap();
            version += 1;
        }
    }
    let (want, got) = ((lived.dump)().await, (empty.dump)().await);
    assert!(want.len() > 20);
    assert_eq!(got, want);
}
