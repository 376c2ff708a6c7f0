//! Producers that lie to a member, which attests to nothing that is not so.

use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, RowProof, Schedule, SignedHeader};
use weft_primitives::B256;
use weft_wire::client::Share;

use super::*;

fn block(blob: &[u8]) -> EncodedBlock {
    EncodedBlock::encode(Packed::new(&[Blob::new(NAMESPACE, blob)], 1 << 20).unwrap(), Schedule::Sequential)
}

fn position(height: u64, prev_hash: B256) -> ChainPosition {
    ChainPosition { network_id: NETWORK, height, prev_hash, time_ms: 5 }
}

/// What the producer hands node 1.
struct Handed {
    header: SignedHeader,
    digests: Bytes,
    index: Bytes,
    rows: Vec<RowProof>,
}

fn handed(cluster: &Cluster, block: &EncodedBlock, at: ChainPosition) -> Handed {
    let header = SignedHeader::sign(block.header(at), &cluster.signers[0]);
    let members = cluster.members();
    let place = members.position(&cluster.address(1)).unwrap();
    let rows = members.assign(block.shape(), header.header.row_root).rows_of(place);
    Handed {
        header,
        digests: Bytes::copy_from_slice(block.rows().digest_bytes()),
        index: block.index().encode().into(),
        rows: rows.into_iter().map(|row| block.row(row).unwrap()).collect(),
    }
}

async fn hand(cluster: &Cluster, members: &Members, handed: Handed) -> Result<(), String> {
    let Handed { header, digests, index, rows } = handed;
    let share = Share { header, digests, index, rows: Box::new(rows.into_iter()) };
    let attestation = cluster.custody(1).store_rows(members, share).await.map_err(|error| error.reason)?;
    attestation.verify(&header.header, members).unwrap();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_check_is_not_attested() {
    let mut cluster = Cluster::new(3, 2).await;
    cluster.start(1).await;
    let (members, block) = (cluster.members(), block(&data(1, 90_000)));
    let other = self::block(&data(2, 90_000));
    let first = position(1, B256::ZERO);
    type Change = Box<dyn Fn(&mut Handed)>;
    let wrong: Vec<(&str, Change)> = vec![
        ("WRONG_ROW", Box::new(|handed| handed.rows[7].row[3] ^= 1)),
        ("WRONG_ROW", Box::new(|handed| handed.rows[7].path[3].0[0] ^= 1)),
        ("WRONG_ROW", Box::new(|handed| handed.rows[7].path.truncate(3))),
        ("WRONG_ROW", Box::new(|handed| handed.rows[7].row.truncate(3))),
        ("OTHER_ROW", Box::new(|handed| drop(handed.rows.pop()))),
        ("OTHER_ROW", Box::new(|handed| drop(handed.rows.remove(0)))),
        ("OTHER_ROW", Box::new(|handed| handed.rows.push(handed.rows[0].clone()))),
        ("OTHER_ROW", Box::new(|handed| handed.rows[4].index = u32::MAX)),
        ("WRONG_DIGESTS", Box::new(|handed| handed.digests = Bytes::from(vec![0; handed.digests.len()]))),
        ("WRONG_DIGESTS", Box::new(|handed| handed.digests = Bytes::new())),
        ("WRONG_INDEX", Box::new(|handed| handed.index = handed.index.slice(..79))),
        ("WRONG_HEADER", Box::new(|handed| handed.header.header.time_ms += 1)),
    ];
    for (reason, change) in wrong {
        let mut handed = handed(&cluster, &block, first);
        change(&mut handed);
        assert_eq!(hand(&cluster, &members, handed).await, Err(reason.to_owned()));
    }
    // Digests and rows of another block, under this one's header.
    let mut swapped = handed(&cluster, &block, first);
    swapped.rows = handed(&cluster, &other, first).rows;
    assert!(hand(&cluster, &members, swapped).await.is_err());
    // A custody without this node.
    let strangers = Members::new(vec![cluster.address(0), cluster.address(2)], 1).unwrap();
    let refused = hand(&cluster, &strangers, handed(&cluster, &block, first)).await;
    assert_eq!(refused, Err("NOT_A_MEMBER".to_owned()));
    // A gap that nobody fills.
    let refused = hand(&cluster, &members, handed(&cluster, &block, position(5, B256::ZERO))).await;
    assert_eq!(refused, Err("BEHIND".to_owned()));
    // Another network.
    let foreign = ChainPosition { network_id: NETWORK + 1, ..first };
    let refused = hand(&cluster, &members, handed(&cluster, &block, foreign)).await;
    assert_eq!(refused, Err("WRONG_HEADER".to_owned()));

    // None of that has done any harm.
    hand(&cluster, &members, handed(&cluster, &block, first)).await.unwrap();
    hand(&cluster, &members, handed(&cluster, &block, first)).await.unwrap();
    // One header at each height.
    let refused = hand(&cluster, &members, handed(&cluster, &other, first)).await;
    assert_eq!(refused, Err("EQUIVOCATION".to_owned()));
    let refused = hand(&cluster, &members, handed(&cluster, &other, position(2, B256::repeat_byte(1)))).await;
    assert_eq!(refused, Err("EQUIVOCATION".to_owned()));
    let hash = handed(&cluster, &block, first).header.header.hash();
    hand(&cluster, &members, handed(&cluster, &other, position(2, hash))).await.unwrap();
}

/// The producer commits to a matrix that is no codeword: whoever gets a row that shows it does not attest.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_encoding_is_not_attested() {
    let mut cluster = Cluster::new(3, 2).await;
    cluster.start(1).await;
    let members = cluster.members();
    let blob = data(1, 90_000);
    let packed = || Packed::new(&[Blob::new(NAMESPACE, &blob)], 1 << 20).unwrap();
    let all: Vec<u32> = (0..packed().shape().rows() as u32).collect();
    let lie = weft_da::adversary::wrong_encoding(packed(), &all[200..]);
    let refused = hand(&cluster, &members, handed(&cluster, &lie, position(1, B256::ZERO))).await;
    assert_eq!(refused, Err("WRONG_ENCODING".to_owned()));
}
