//! A store must hold exactly what its log says.

use weft_settlement::{Limits, Replay};

use super::fixture::rules;
use crate::store::Store;

/// Invariant 9: no gaps, a hash chain, and the replayed log gives the very tables that the store has.
pub(super) async fn check(store: &dyn Store) {
    let mut replay = Replay::new(rules());
    let mut from = 1;
    loop {
        let page = store.entries(from, 7).await.unwrap();
        let Some(last) = page.last() else { break };
        from = last.seq + 1;
        page.iter().for_each(|entry| replay.push(entry).unwrap());
    }
    assert!(replay.is_complete());
    let (chain, history) = (replay.chain(), replay.history());
    let loaded = store.load().await.unwrap();
    assert_eq!(&loaded.head, chain.head());
    let restored = loaded.restore(rules(), Limits::NONE).unwrap();
    assert_eq!(&restored, chain);
    for record in history.records() {
        assert_eq!(store.record(record.commitment).await.unwrap().as_ref(), Some(record));
        assert_eq!(store.facts(&record.signed).await.unwrap(), history.facts(&record.signed));
    }
    let canonical = store.canonical(0, u32::MAX).await.unwrap();
    assert!(canonical.iter().eq(history.canonical_from(0)));
    assert_eq!(store.inbox(0, u32::MAX).await.unwrap(), history.inbox());
}
