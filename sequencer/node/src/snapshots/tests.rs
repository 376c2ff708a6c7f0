//! A follower that begins with a snapshot has the chain of one that began at genesis.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::{Origin, ReplayError, SnapshotError, export, import, replay};
use crate::chain::Chain;
use crate::derive::testing::{Follower, Rollup, the_rules};
use crate::store::{BatchStage, ChainStore, MemoryKv};
use crate::testing::{config, signer};

#[tokio::test]
async fn a_chain_goes_on_from_a_file_and_only_from_the_right_one() {
    let mut rollup = Rollup::new();
    rollup.inbox(2, 0);
    for blocks in [2, 3] {
        let next = rollup.batch(blocks);
        rollup.settle(&next);
    }
    // Not final: not in the file.
    let waiting = rollup.batch(1);
    rollup.post(&waiting);
    let whole = Follower::new(&rollup.da);
    whole.follow(&rollup).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    let made = export(&whole.chain, &file, &signer(7)).unwrap();
    assert_eq!((made.batch, made.block, made.maker), (1, 5, signer(7).address()));
    assert_eq!(whole.chain.heads().latest, 6);

    let log = whole.view.clone();
    let bring = |file: &std::path::Path, maker, kv: &Arc<MemoryKv>| {
        let store = ChainStore::new(kv.clone());
        log.look(|log| import(&config().chain, &store, file, Origin { log, maker })).unwrap()
    };
    let kv = Arc::new(MemoryKv::default());
    assert_eq!(bring(&file, Some(signer(7).address()), &kv).unwrap(), made);
    assert!(matches!(bring(&file, None, &kv), Err(SnapshotError::NotEmpty)));
    let begun = Follower::open(kv, &rollup.da);
    assert_eq!((begun.chain.heads().latest, begun.chain.heads().finalized), (5, 5));
    let next = rollup.batch(2);
    let commitment = rollup.post(&next);
    rollup.available(commitment, weft_settlement::Sampled::Withheld);
    let next = rollup.sign(next.header.clone(), |_| ());
    rollup.post(&next);
    begun.follow(&rollup).await.unwrap();
    whole.follow(&rollup).await.unwrap();
    assert_eq!(begun.chain.heads(), whole.chain.heads());
    assert_eq!(begun.chain.tip().parent.hash, whole.chain.tip().parent.hash);
    for number in 5..=8 {
        assert_eq!(begun.chain.store().receipts(number).unwrap(), whole.chain.store().receipts(number).unwrap());
    }
    assert!(begun.chain.store().block(4).unwrap().is_none() && begun.chain.store().block(0).unwrap().is_some());
    assert_eq!(begun.chain.store().batch(1).unwrap().unwrap().stage, BatchStage::Finalized);

    // Another maker, a log that does not have it as final, and any byte that is not as it was.
    let fresh = || Arc::new(MemoryKv::default());
    assert!(matches!(bring(&file, Some(signer(8).address()), &fresh()), Err(SnapshotError::Wrong(_))));
    let empty = weft_settlement::Replay::new(the_rules());
    let store = ChainStore::new(fresh());
    let early = import(&config().chain, &store, &file, Origin { log: &empty, maker: None });
    assert!(matches!(early, Err(SnapshotError::NotFinal { batch: 1, .. })), "{early:?}");
    let bytes = std::fs::read(&file).unwrap();
    let other = folder.path().join("other");
    // The recovery id's other values may name no key, or another.
    for at in (0..bytes.len() - 65).step_by(37).chain([bytes.len() - 40]) {
        let mut wrong = bytes.clone();
        wrong[at] ^= 1;
        std::fs::write(&other, &wrong).unwrap();
        let kv = fresh();
        let refused = bring(&other, Some(signer(7).address()), &kv);
        assert!(refused.is_err(), "byte {at}");
        assert!(ChainStore::new(kv).is_empty().unwrap(), "byte {at}");
    }
    for wrong in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat()[..]] {
        std::fs::write(&other, wrong).unwrap();
        assert!(bring(&other, None, &fresh()).is_err());
    }
    let nothing = Chain::open(config().chain, ChainStore::new(fresh()), &config().limits).unwrap();
    assert!(matches!(export(&nothing, &other, &signer(7)), Err(SnapshotError::NothingFinal)));
}

#[tokio::test]
async fn states_of_any_age_are_made_again() {
    let mut rollup = Rollup::new();
    rollup.inbox(2, 0);
    let whole = Follower::new(&rollup.da);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    let (chain, store) = (&config().chain, whole.chain.store());
    let mut roots = Vec::new();
    for blocks in [2, 3, 1] {
        let next = rollup.batch(blocks);
        rollup.settle(&next);
        whole.follow(&rollup).await.unwrap();
        if roots.is_empty() {
            assert_eq!(export(&whole.chain, &file, &signer(7)).unwrap().block, 2);
        }
        roots.push(whole.chain.world().state_root());
    }
    for number in 0..=6 {
        let header = store.block(number).unwrap().unwrap().header;
        let mut told = Vec::new();
        let (world, block) = replay(chain, store, None, number, |number| told.push(number)).unwrap();
        assert_eq!((world.state_root(), &block.header), (header.state_root, &header));
        assert!(told.into_iter().eq(1..=number));
        match replay(chain, store, Some(&file), number, |_| ()) {
            Ok((world, _)) => assert_eq!(world.state_root(), header.state_root),
            Err(error) => assert!(
                number < 2 && matches!(error, ReplayError::TooNew { snapshot: 2, block } if block == number),
                "{number}: {error}"
            ),
        }
    }
    assert_eq!(roots.last(), Some(&store.block(6).unwrap().unwrap().header.state_root));
    assert!(matches!(replay(chain, store, None, 7, |_| ()), Err(ReplayError::NoBlock(7))));
    // Another chain's genesis, its file, and a file that is none.
    let wrong = include_str!("../../../../config/genesis.dev.json");
    let wrong = weft_primitives::ChainConfig::from_json(wrong).unwrap();
    assert!(matches!(replay(&wrong, store, None, 1, |_| ()), Err(ReplayError::OtherGenesis { .. })));
    let mut other = Rollup::new();
    let next = other.batch(2);
    other.settle(&next);
    let stranger = Follower::new(&other.da);
    stranger.follow(&other).await.unwrap();
    let foreign = folder.path().join("foreign");
    export(&stranger.chain, &foreign, &signer(7)).unwrap();
    assert!(matches!(replay(chain, store, Some(&foreign), 6, |_| ()), Err(ReplayError::OtherBlock(2))));
    std::fs::write(&foreign, b"weft").unwrap();
    assert!(matches!(replay(chain, store, Some(&foreign), 6, |_| ()), Err(ReplayError::Snapshot(_))));
}
