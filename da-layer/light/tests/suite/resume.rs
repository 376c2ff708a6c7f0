//! What survives a restart.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use weft_light::store::StoreError;
use weft_light::{Config, LightError, Limits, OnceTarget, Verdict};

use crate::node::{Lies, TestNode};
use crate::setup::{BOTH, Transport, client, config};
use crate::world::{MIDDLE, SMALL, World};

fn in_dir(dir: &Path) -> Config {
    Config { data_dir: Some(dir.to_owned()), ..config() }
}

async fn until(config: &Config, node: &Arc<TestNode>, height: u64) -> weft_light::Summary {
    client(config.clone(), std::slice::from_ref(node), Transport::Memory).await.until(height, |_| {}).await.unwrap()
}

#[tokio::test]
async fn nothing_is_sampled_again() {
    for transport in BOTH {
        let world = World::honest(&[MIDDLE; 4]);
        let dir = tempfile::tempdir().unwrap();
        let node = TestNode::new("node", &world, Lies::default());
        let first = client(in_dir(dir.path()), std::slice::from_ref(&node), transport).await;
        assert_eq!(first.until(4, |_| {}).await.unwrap().judged_now, 4);
        drop(first);
        assert_eq!(node.asked_count(), 4 * 25);

        world.publish(MIDDLE);
        let second = client(in_dir(dir.path()), std::slice::from_ref(&node), transport).await;
        let summary = second.until(5, |_| {}).await.unwrap();
        assert_eq!((summary.judged_now, summary.totals.judged, summary.totals.available), (1, 5, 5));
        assert_eq!(node.asked_count(), 5 * 25);
        assert_eq!(second.until(5, |_| {}).await.unwrap().judged_now, 0);
        assert_eq!(node.asked_count(), 5 * 25);
    }
}

#[tokio::test]
async fn a_height_judged_alone_is_linked_later_without_sampling() {
    let world = World::honest(&[MIDDLE; 3]);
    let dir = tempfile::tempdir().unwrap();
    let node = TestNode::new("node", &world, Lies::default());
    let alone = client(in_dir(dir.path()), std::slice::from_ref(&node), Transport::Memory).await;
    assert!(!alone.once(OnceTarget::Height(3), |_| {}).await.unwrap().linked);
    drop(alone);
    let summary = until(&in_dir(dir.path()), &node, 3).await;
    assert_eq!((summary.judged_now, summary.totals.available), (2, 3));
    assert_eq!(node.asked(3).len(), 25);
    let again = client(in_dir(dir.path()), std::slice::from_ref(&node), Transport::Memory).await;
    assert!(again.store().get(3).unwrap().judgement.linked);
    assert_eq!(again.store().through(), Some(world.at(3).unwrap().header));
}

#[tokio::test]
async fn a_torn_tail_costs_only_its_own_block() {
    let world = World::honest(&[MIDDLE; 3]);
    let dir = tempfile::tempdir().unwrap();
    let node = TestNode::new("node", &world, Lies::default());
    until(&in_dir(dir.path()), &node, 3).await;
    let path = dir.path().join("judgements.jsonl");
    let len = std::fs::metadata(&path).unwrap().len();
    let file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.set_len(len - 20).unwrap();
    assert_eq!(until(&in_dir(dir.path()), &node, 3).await.judged_now, 1);
    (&file).write_all(b"{\"height\":9,\"head").unwrap();
    assert_eq!(until(&in_dir(dir.path()), &node, 3).await.judged_now, 0);
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
}

#[tokio::test]
async fn an_open_block_is_judged_again_by_the_same_rows() {
    let world = World::honest(&[MIDDLE; 2]);
    let dir = tempfile::tempdir().unwrap();
    let withheld = Lies { serve_permille: Some(100), ..Lies::default() };
    let node = TestNode::new("node", &world, withheld);
    let summary = until(&in_dir(dir.path()), &node, 2).await;
    assert_eq!((summary.judged_now, summary.totals.open, summary.not_available.len()), (2, 2, 2));
    assert!(matches!(summary.not_available[0].verdict, Verdict::Unavailable { .. }));
    let drawn: Vec<BTreeSet<u32>> = [1, 2].map(|height| node.asked(height)).into();

    node.set_lies(Lies::default());
    let summary = until(&in_dir(dir.path()), &node, 2).await;
    assert_eq!((summary.judged_now, summary.totals.available, summary.totals.open), (2, 2, 0));
    assert_eq!(drawn, [1, 2].map(|height| node.asked(height)), "other rows were drawn");
}

#[tokio::test]
async fn rows_are_kept_within_their_bound() {
    let world = World::honest(&[MIDDLE; 4]);
    let dir = tempfile::tempdir().unwrap();
    let node = TestNode::new("node", &world, Lies::default());
    let shape = world.at(1).unwrap().header.header.shape;
    let one_block = 240 + shape.light_client_bytes(25) + 25 * 4;
    let limits = Limits { kept_sample_bytes: one_block * 2, ..config().limits };
    let keeping = Config { limits, ..in_dir(dir.path()) };
    until(&keeping, &node, 4).await;
    let client = client(keeping, &[node], Transport::Memory).await;
    let kept: Vec<bool> = (1..=4).map(|height| client.store().samples(height).is_some()).collect();
    assert_eq!(kept, [false, false, true, true]);
    let samples = client.store().samples(4).unwrap();
    assert_eq!((samples.rows.len(), samples.header), (25, world.at(4).unwrap().header));
    let block = world.at(4).unwrap().block;
    assert!(samples.rows.iter().all(|row| block.rows().row_bytes(row.index()) == Some(row.bytes())));
    let path = dir.path().join("samples/4.rows");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[3_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(client.store().samples(4).is_none(), "damaged rows are none");
}

#[tokio::test]
async fn old_judgements_make_room() {
    let world = World::honest(&[SMALL; 14]);
    let dir = tempfile::tempdir().unwrap();
    let node = TestNode::new("node", &world, Lies::default());
    let limits = Limits { kept_judgements: 4, ..config().limits };
    let short = Config { limits, ..in_dir(dir.path()) };
    for height in 1..=14 {
        assert_eq!(until(&short, &node, height).await.judged_now, 1);
        let lines = std::fs::read_to_string(dir.path().join("judgements.jsonl")).unwrap().lines().count();
        assert!(lines <= 9, "{lines} lines");
    }
    let client = client(short, &[node], Transport::Memory).await;
    assert_eq!(client.store().through().unwrap().header.height, 14);
    assert_eq!(client.store().recent(100).len(), 4);
}

#[tokio::test]
async fn a_folder_is_for_one_client() {
    let world = World::honest(&[SMALL]);
    let dir = tempfile::tempdir().unwrap();
    let node = TestNode::new("node", &world, Lies::default());
    let _first = client(in_dir(dir.path()), &[node], Transport::Memory).await;
    let second = weft_light::Client::connect(in_dir(dir.path())).err().unwrap();
    assert!(matches!(second, LightError::Store(StoreError::InUse(_))), "{second}");
}
