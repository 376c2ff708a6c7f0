//! The blob index, proofs of one blob, and proofs of all blobs of a namespace.

use alloy_primitives::hex;
use serde_json::{Value, json};
use weft_da::blob::{IndexFault, ProofFault};
use weft_da::tree::{Domain, Tree};
use weft_da::{BlobEntry, BlobIndex, BlobProof, Header, NamespaceProof, Schedule};
use weft_primitives::{B256, Namespace};

use super::blocks::{FIRST, encoded};
use super::{golden, hashes};
use crate::common::{bytes, namespace, position};

fn index_vector(name: &str, header: &Header, bytes: &[u8], expected: &str) -> Value {
    let verdict = match BlobIndex::verify(header, bytes) {
        Ok(_) => "ok",
        Err(IndexFault::Decode(_)) => "decode",
        Err(IndexFault::Count(_)) => "count",
        Err(IndexFault::Order(_)) => "order",
        Err(IndexFault::Place(_)) => "place",
        Err(IndexFault::End { .. }) => "end",
        Err(IndexFault::Root) => "root",
    };
    assert_eq!(verdict, expected, "{name}");
    json!({ "name": name, "header": hex::encode(header.encode()), "bytes": hex::encode(bytes), "verdict": verdict })
}

fn proof_verdict<T>(judged: &Result<T, ProofFault>) -> &'static str {
    match judged {
        Ok(_) => "ok",
        Err(ProofFault::Position) => "position",
        Err(ProofFault::Root) => "root",
        Err(ProofFault::Place) => "place",
        Err(ProofFault::Incomplete) => "incomplete",
    }
}

fn blob_vector(name: &str, header: &Header, proof: &BlobProof, expected: &str) -> Value {
    let verdict = proof_verdict(&proof.verify(header));
    assert_eq!(verdict, expected, "{name}");
    json!({
        "name": name,
        "header": hex::encode(header.encode()),
        "position": proof.position,
        "entry": hex::encode(proof.entry.encode()),
        "path": hashes(&proof.path),
        "verdict": verdict,
    })
}

fn namespace_vector(name: &str, header: &Header, asked: &Namespace, proof: &NamespaceProof, expected: &str) -> Value {
    let judged = proof.verify(header, asked);
    let verdict = proof_verdict(&judged);
    assert_eq!(verdict, expected, "{name}");
    let listed = |entries: &[BlobEntry]| entries.iter().map(|entry| hex::encode(entry.encode())).collect::<Vec<_>>();
    json!({
        "name": name,
        "header": hex::encode(header.encode()),
        "namespace": asked.to_string(),
        "first": proof.first,
        "entries": listed(&proof.entries),
        "outside": hashes(&proof.outside),
        "verdict": verdict,
        "listed": judged.ok().map(|listing| listed(listing.entries())),
    })
}

/// A header that commits to whatever entries it is given, as a dishonest producer's would.
struct Lie {
    header: Header,
    entries: Vec<BlobEntry>,
    tree: Tree,
}

impl Lie {
    fn new(entries: Vec<BlobEntry>) -> Self {
        let leaves: Vec<B256> = entries.iter().map(|entry| Domain::Index.leaf(&entry.encode())).collect();
        let tree = Tree::from_leaves(Domain::Index, &leaves, Schedule::Sequential);
        let counted = [&(entries.len() as u32).to_be_bytes()[..], tree.root().as_slice()].concat();
        let root = blake3::keyed_hash(b"weft/da/v1 count of blob index  ", &counted);
        let header = Header {
            blob_index_root: B256::new(*root.as_bytes()),
            blob_count: entries.len() as u32,
            ..encoded(FIRST).header(position())
        };
        Self { header, entries, tree }
    }

    fn bytes(&self) -> Vec<u8> {
        self.entries.iter().flat_map(BlobEntry::encode).collect()
    }

    fn prove(&self, position: u32) -> BlobProof {
        let path = self.tree.path(position as usize).unwrap();
        BlobProof { position, entry: self.entries[position as usize], path }
    }
}

/// Entries of one byte each, in this order, without a gap.
fn in_order(names: &[u8]) -> Vec<BlobEntry> {
    let start = (names.len() * 80) as u64;
    let entry = |(at, name): (u64, &u8)| BlobEntry {
        namespace: namespace(*name),
        hash: weft_da::blob_hash(&bytes(1, 1)),
        offset: start + at,
        length: 1,
    };
    (0..).zip(names).map(entry).collect()
}

#[test]
fn indices() {
    let block = encoded(FIRST);
    let header = block.header(position());
    let good = block.index().encode();
    let mut flipped = good.clone();
    flipped[40] ^= 1;
    let entries = block.index().entries();
    let lie = |name, change: fn(&mut Vec<BlobEntry>), expected| {
        let mut entries = entries.to_vec();
        change(&mut entries);
        let lie = Lie::new(entries);
        index_vector(name, &lie.header, &lie.bytes(), expected)
    };
    let hidden = Lie::new(in_order(&[5, 1, 3, 9]));
    golden(
        "index",
        "The bytes of a blob index against a header.",
        vec![
            index_vector("the index alone", &header, &good, "ok"),
            index_vector("the whole payload", &header, block.rows().payload(), "ok"),
            index_vector("a flipped bit in a hash", &header, &flipped, "root"),
            index_vector("a byte less", &header, &good[..good.len() - 1], "decode"),
            index_vector("an entry less", &header, &good[..good.len() - 80], "place"),
            index_vector("less than an entry", &header, &good[..79], "count"),
            lie("a gap", |entries| entries[2].offset += 1, "place"),
            lie("an overlap", |entries| entries[2].offset -= 1, "place"),
            lie("an empty blob", |entries| entries[0].length = 0, "place"),
            lie("an end beyond 64 bits", |entries| entries[0].length = u64::MAX, "place"),
            lie("blobs that end before the payload", |entries| entries[2].length -= 1, "end"),
            lie("blobs that end behind the payload", |entries| entries[2].length += 1, "end"),
            index_vector("namespaces out of order", &hidden.header, &hidden.bytes(), "order"),
        ],
    );
}

#[test]
fn blob_proofs() {
    let block = encoded(FIRST);
    let header = block.header(position());
    let good = block.index().prove(1).unwrap();
    let changed = |change: fn(&mut BlobProof)| {
        let mut proof = good.clone();
        change(&mut proof);
        proof
    };
    let single = encoded(&[(0, 0, 1)]);
    let mut beyond = block.index().entries().to_vec();
    beyond[1].length = 1_000;
    let beyond = Lie::new(beyond);
    golden(
        "blob_proofs",
        "That an entry is in the index of a block.",
        vec![
            blob_vector("the second of three", &header, &good, "ok"),
            blob_vector("the last of three", &header, &block.index().prove(2).unwrap(), "ok"),
            blob_vector("the only one", &single.header(position()), &single.index().prove(0).unwrap(), "ok"),
            blob_vector("another position", &header, &changed(|proof| proof.position = 0), "root"),
            blob_vector("a position beyond the index", &header, &changed(|proof| proof.position = 3), "position"),
            blob_vector("a flipped bit in the entry", &header, &changed(|proof| proof.entry.length ^= 1), "root"),
            blob_vector("a flipped bit in the path", &header, &changed(|proof| proof.path[1].0[0] ^= 1), "root"),
            blob_vector("a hash more", &header, &changed(|proof| proof.path.push(B256::ZERO)), "root"),
            blob_vector("a hash less", &header, &changed(|proof| proof.path.truncate(1)), "root"),
            blob_vector("another count in the header", &Header { blob_count: 2, ..header }, &good, "root"),
            blob_vector("a place outside of the payload", &beyond.header, &beyond.prove(1), "place"),
        ],
    );
}

#[test]
fn namespace_proofs() {
    let block = encoded(FIRST);
    let header = block.header(position());
    let index = block.index();
    let honest = |name, asked: u8| {
        namespace_vector(name, &header, &namespace(asked), &index.prove_namespace(&namespace(asked)), "ok")
    };
    let against = |name, asked: u8, proof: &NamespaceProof, expected| {
        namespace_vector(name, &header, &namespace(asked), proof, expected)
    };
    let between = index.prove_namespace(&namespace(5));
    let mut cut = index.prove_namespace(&namespace(9));
    cut.entries.pop();
    let mut moved = between.clone();
    moved.first = 1;
    let mut flipped = between.clone();
    flipped.outside[0].0[8] ^= 0x10;
    let mut longer = between.clone();
    longer.outside.push(B256::ZERO);
    let mut behind = between.clone();
    behind.first = 2;
    let none = NamespaceProof { first: 0, entries: vec![], outside: vec![] };

    let many: Vec<(u8, u64, usize)> = (0u8..37).map(|at| (at / 5 * 2, u64::from(at), 3)).collect();
    let many = encoded(&many);
    let many_header = many.header(position());
    let wide = |name, asked: u8| {
        namespace_vector(name, &many_header, &namespace(asked), &many.index().prove_namespace(&namespace(asked)), "ok")
    };
    let hidden = Lie::new(in_order(&[5, 1, 3, 9]));
    let hiding = NamespaceProof { first: 2, entries: hidden.entries[2..].to_vec(), outside: vec![hidden.tree_node()] };
    golden(
        "namespace_proofs",
        "All entries of a namespace, or none. The last shows why a listing also needs an index in order (index.json).",
        vec![
            honest("present, at the end", 9),
            honest("present, at the start", 3),
            honest("absent, before all", 1),
            honest("absent, between two", 5),
            honest("absent, behind all", 10),
            wide("five of 37", 6),
            wide("absent among 37", 7),
            wide("the last of 37", 14),
            against("an entry left out, shown by a proof of absence beside it", 9, &between, "incomplete"),
            against("the last entry cut off", 9, &cut, "root"),
            against("a proof for a lesser namespace", 9, &index.prove_namespace(&namespace(1)), "incomplete"),
            against("the run moved", 5, &moved, "root"),
            against("the run moved beyond the index", 5, &behind, "position"),
            against("no entry at all", 5, &none, "position"),
            against("a flipped bit outside", 5, &flipped, "root"),
            against("a hash too many", 5, &longer, "root"),
            namespace_vector("an entry hidden by a wrong order", &hidden.header, &namespace(5), &hiding, "ok"),
        ],
    );
}

impl Lie {
    /// Node above the first two of four leaves.
    fn tree_node(&self) -> B256 {
        Domain::Index.node(&self.tree.leaves()[0], &self.tree.leaves()[1])
    }
}
