//! Members that are away, lose their disk, come, go, or find rows damaged.

use weft_da::RowProof;

use super::*;
use crate::custody::{RestoreError, restore};
use crate::store::{ShareStore, Store};

#[tokio::test(flavor = "multi_thread")]
async fn a_third_may_be_away_and_catches_up() {
    let mut cluster = Cluster::running(4, 2).await;
    cluster.put(&data(1, 5_000)).await;
    cluster.stop(3).await;
    for seed in 2..12 {
        cluster.put(&data(seed, 70_000)).await;
    }
    cluster.stop(2).await;
    // Durable, and found again, but nobody is told that it is safe.
    let refused = cluster.try_put(&data(12, 100)).await.unwrap_err();
    assert_eq!(refused.reason, "NOT_CERTIFIED");
    assert!(refused.message.contains("2 members have attested, 3 are needed"), "{}", refused.message);
    cluster.start(3).await;
    let put = cluster.put(&data(12, 100)).await;
    assert!(put.duplicate);
    let newest = put.blob.height;
    cluster.complete(3, newest).await;
    // What it had missed is here, and served from here.
    cluster.start(2).await;
    cluster.complete(2, newest).await;
    cluster.stop(0).await;
    for seed in 1..12 {
        cluster.get(3, &data(seed, if seed == 1 { 5_000 } else { 70_000 })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_disk_is_rebuilt_from_a_quarter_of_the_rows() {
    // One copy of each row: what a lost node had is nowhere else, and has to be computed.
    let mut cluster = Cluster::running(4, 1).await;
    let blobs: Vec<Vec<u8>> = (0..3).map(|seed| data(seed, 200_000)).collect();
    for blob in &blobs {
        cluster.put(blob).await;
    }
    for node in 1..4 {
        cluster.complete(node, 3).await;
    }
    // The producer, with everything, is gone for good; another one loses its disk.
    cluster.stop(0).await;
    cluster.stop(1).await;
    cluster.wipe(1);
    cluster.start(1).await;
    cluster.complete(1, 3).await;
    let header = cluster.client(1).header(Some(2)).await.unwrap().header;
    let assignment = cluster.members().assign(&header.shape, header.row_root);
    let place = cluster.members().position(&cluster.address(1)).unwrap();
    let held = cluster.rows_at(1, 2, header.shape.rows() as u32).await;
    assert_eq!(held, assignment.rows_of(place));
    for blob in &blobs {
        for node in 1..4 {
            cluster.get(node, blob).await;
        }
    }
    // Half of the members are enough, and then not.
    cluster.stop(3).await;
    cluster.get(1, &blobs[1]).await;
    cluster.stop(2).await;
    let left = cluster.client(1).get_blob(NAMESPACE, blob_hash(&blobs[1])).await;
    assert!(left.is_ok() || left.unwrap_err().reason == "ROWS_UNAVAILABLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_rows_are_found_and_mended() {
    let mut cluster = Cluster::running(3, 1).await;
    let blob = data(1, 100_000);
    let header = cluster.put(&blob).await.blob.header.header;
    cluster.complete(1, 1).await;
    cluster.stop(1).await;
    let damaged = {
        let store = cluster.store(1).await;
        let row = store.rows_held(1).unwrap()[5];
        let mut proof = store.row(1, row).unwrap().unwrap();
        proof.row[9] ^= 1;
        store.put_rows(1, &[RowProof { ..proof }]).unwrap();
        row
    };
    cluster.start(1).await;
    let mended = async {
        loop {
            let had = cluster.client(1).rows(1, vec![damaged]).await;
            if let Ok([(_, Some(proof))]) = had.as_deref()
                && weft_da::VerifiedDigests::verify(&header, &cluster.client(0).digests(1).await.unwrap())
                    .unwrap()
                    .verify_row(proof)
                    .is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, mended).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_producers_damaged_block_is_rebuilt_from_the_members() {
    let mut cluster = Cluster::running(3, 1).await;
    let blob = data(1, 100_000);
    cluster.put(&blob).await;
    cluster.complete(1, 1).await;
    cluster.complete(2, 1).await;
    cluster.stop(0).await;
    let right = {
        let store = cluster.store(0).await;
        let right = store.originals(1).unwrap().unwrap();
        let mut wrong = right.clone();
        wrong[70_000] ^= 1;
        store.put_originals(1, &wrong).unwrap();
        right
    };
    cluster.start(0).await;
    let mended = async {
        while cluster.client(0).get_blob(NAMESPACE, blob_hash(&blob)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, mended).await.is_ok());
    cluster.stop(0).await;
    assert_eq!(cluster.store(0).await.originals(1).unwrap().unwrap(), right);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go() {
    let mut cluster = Cluster::new(5, 1).await;
    cluster.members = vec![0, 1, 2, 3];
    for node in 0..4 {
        cluster.start(node).await;
    }
    let old = data(1, 150_000);
    cluster.put(&old).await;
    cluster.complete(1, 1).await;
    // Node 3 leaves for good, node 4 comes; all are told.
    cluster.stop(3).await;
    cluster.members = vec![0, 1, 2, 4];
    for node in 0..3 {
        cluster.stop(node).await;
        cluster.start(node).await;
    }
    cluster.start(4).await;
    let new = data(2, 150_000);
    let put = cluster.put(&new).await;
    let (header, certificate) = cluster.custody(0).certificate(2).await.unwrap();
    certificate.verify_of(&header.header, &cluster.members()).unwrap();
    for node in [1, 2, 4] {
        cluster.complete(node, put.blob.height).await;
        for height in 1..=2 {
            let header = cluster.client(node).header(Some(height)).await.unwrap().header;
            let assignment = cluster.members().assign(&header.shape, header.row_root);
            let place = cluster.members().position(&cluster.address(node)).unwrap();
            let held = cluster.rows_at(node, height, header.shape.rows() as u32).await;
            assert!(assignment.rows_of(place).iter().all(|row| held.contains(row)), "node {node}, block {height}");
        }
    }
    cluster.stop(0).await;
    cluster.get(4, &old).await;
    cluster.get(4, &new).await;
}

/// The window ends at once, but not before the members have their shares.
#[tokio::test(flavor = "multi_thread")]
async fn rows_leave_the_sampling_window_everywhere() {
    let mut cluster = Cluster::new(3, 2).await;
    cluster.window_ms = Some(0);
    cluster.start(0).await;
    assert_eq!(cluster.try_put(&data(1, 50_000)).await.unwrap_err().reason, "NOT_CERTIFIED");
    cluster.start(1).await;
    cluster.start(2).await;
    for seed in 1..4 {
        cluster.put(&data(seed, 50_000)).await;
    }
    for node in 0..3 {
        let pruned = async {
            for height in 1..=3 {
                while cluster.client(node).rows(height, vec![0]).await.err().map(|error| error.reason)
                    != Some("PRUNED".to_owned())
                {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        };
        assert!(tokio::time::timeout(PATIENCE, pruned).await.is_ok(), "node {node} keeps all rows");
    }
    cluster.complete(1, 3).await;
    // Blobs stay, by themselves, with the producer, and their proofs everywhere.
    cluster.get(0, &data(2, 50_000)).await;
    let proof = cluster.client(1).blob_proof(NAMESPACE, blob_hash(&data(2, 50_000))).await.unwrap();
    proof.proof.verify(&proof.header.header).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_without_its_chain_does_not_start() {
    let mut cluster = Cluster::running(3, 2).await;
    cluster.put(&data(1, 5_000)).await;
    cluster.complete(1, 1).await;
    cluster.stop(0).await;
    cluster.wipe(0);
    cluster.start(0).await;
    let Running { task, .. } = cluster.running[0].take().unwrap();
    let ended = tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
    assert!(matches!(ended, Err(RunError::SignedBefore(1))), "{ended:?}");
}

/// Certificates are with the members: while the producer is away, for one that was away itself, and for its new disk.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_outlive_the_producer() {
    let mut cluster = Cluster::running(4, 2).await;
    cluster.put(&data(1, 5_000)).await;
    cluster.stop(3).await;
    for seed in 2..5 {
        cluster.put(&data(seed, 5_000)).await;
    }
    let mut certificates = Vec::new();
    for height in 1..=4 {
        certificates.push(cluster.certificate(0, height).await);
        cluster.complete(1, height).await;
        cluster.certificate(2, height).await;
    }
    cluster.stop(0).await;
    cluster.start(3).await;
    for (height, certificate) in (1..).zip(&certificates) {
        assert_eq!(cluster.certificate(3, height).await, *certificate);
    }
    let first = cluster.custody(3).info().await.unwrap();
    assert_eq!(first.certified_height, Some(4));

    cluster.wipe(0);
    restore(&cluster.config(0), false, |_| {}).await.unwrap();
    let store = cluster.store(0).await;
    assert_eq!(store.certified().unwrap(), 4, "nobody has to sign again");
    for (height, certificate) in (1..).zip(&certificates) {
        assert_eq!(store.certificate(height).unwrap().as_ref(), Some(certificate));
    }
    drop(store);
    cluster.start(0).await;
    assert_eq!(cluster.put(&data(9, 5_000)).await.blob.height, 5);
    cluster.certificate(3, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_gets_its_chain_back_from_the_members() {
    let mut cluster = Cluster::running(4, 2).await;
    let blobs: Vec<Vec<u8>> = (1..=5).map(|seed| data(seed, 50_000 * usize::from(seed))).collect();
    let mut last = None;
    for blob in &blobs {
        last = Some(cluster.put(blob).await.blob.header);
    }
    let height = last.unwrap().header.height;
    for node in 1..4 {
        cluster.complete(node, height).await;
    }
    cluster.stop(0).await;
    cluster.wipe(0);

    // One member away: it might know of more.
    cluster.stop(3).await;
    let config = cluster.config(0);
    let silent = restore(&config, false, |_| {}).await;
    assert!(matches!(silent, Err(RestoreError::Silent { .. })), "{silent:?}");
    let mut heights = Vec::new();
    let done = restore(&config, true, |progress| heights.push(progress.height)).await.unwrap();
    assert_eq!((done.height, done.target, done.blocks), (height, height, height));
    assert_eq!(heights, (0..=height).collect::<Vec<_>>());
    // All is there already.
    assert_eq!(restore(&config, true, |_| {}).await.unwrap().blocks, 0);
    // A member is no producer.
    let member = restore(&cluster.config(1), true, |_| {}).await;
    assert!(matches!(member, Err(RestoreError::NotProducer(_))), "{member:?}");

    cluster.start(3).await;
    cluster.start(0).await;
    let next = cluster.put(&data(9, 70_000)).await.blob.header.header;
    assert_eq!((next.height, next.prev_hash), (height + 1, last.unwrap().header.hash()));
    for blob in &blobs {
        cluster.get(0, blob).await;
    }
}
