//! The state tree: roots, the leaves of accounts, proofs, witnesses.

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, hex};
use serde_json::{Value, json};
use weft_state::changes::leaf_updates;
use weft_state::{Access, Account, AccountChange, PartialTree, Proof, Schedule, Tree, TreeKey};
use weft_vectors::golden;

const SEQUENTIAL: Schedule = Schedule::Sequential;

type Leaf = (TreeKey, [u8; 32]);

fn key(parts: &[&[u8]]) -> TreeKey {
    TreeKey::new(&parts.concat()).unwrap()
}

fn noise(seed: u64) -> [u8; 32] {
    *blake3::hash(&seed.to_be_bytes()).as_bytes()
}

fn tree(leaves: &[Leaf]) -> Tree {
    Tree::from_leaves(leaves.iter().copied(), SEQUENTIAL).unwrap()
}

/// Keys in all zones, with prefixes of every kind.
fn mixed(count: u64) -> Vec<Leaf> {
    let header = |n: u64| key(&[&[0], &noise(n), &[n as u8]]);
    // One account's storage: 264 bits in common.
    let hot = |n: u64| key(&[&[0xff], &noise(7), &noise(n), &[n as u8]]);
    // One group of slots: 520 bits in common.
    let group = |n: u64| key(&[&[0xff], &noise(8), &noise(9), &[n as u8]]);
    let leaf = |n: u64| match n % 3 {
        0 => header(n),
        1 => hot(n),
        _ => group(n),
    };
    (0..count).map(|n| (leaf(n), noise(1_000 + n))).collect()
}

/// The trees published with EIP-8297, and larger ones.
fn trees() -> Vec<(&'static str, Vec<Leaf>)> {
    let one = |parts: &[&[u8]], value: u8| (key(parts), [value; 32]);
    vec![
        ("no leaf", vec![]),
        ("one leaf", vec![one(&[&[0; 34]], 1)]),
        ("one short key", vec![one(&[&[0xab]], 1)]),
        ("two zones", vec![one(&[&[0], &[0x11; 33]], 1), one(&[&[0x80], &[0x11; 33]], 2)]),
        ("one account", vec![one(&[&[0x22; 33], &[0]], 1), one(&[&[0x22; 33], &[1]], 2)]),
        ("three", vec![one(&[&[0xf0], &[0; 33]], 1), one(&[&[0xf1], &[0; 33]], 2), one(&[&[0x0f], &[0; 33]], 3)]),
        ("two lengths", vec![one(&[&[0], &[0xaa; 32], &[5]], 1), one(&[&[0xff], &[0xbb; 64], &[7]], 2)]),
        ("another leaf", vec![one(&[&[0x42; 34]], 2)]),
        ("20 leaves", mixed(20)),
        ("300 leaves", mixed(300)),
    ]
}

fn leaves_json(leaves: impl IntoIterator<Item = Leaf>) -> Value {
    leaves.into_iter().map(|(key, value)| json!([hex::encode(key.as_slice()), hex::encode(value)])).collect()
}

#[test]
fn roots() {
    let vectors = trees().into_iter().map(|(name, leaves)| {
        json!({ "name": name, "root": hex::encode(tree(&leaves).root()), "leaves": leaves_json(leaves) })
    });
    golden("state", "roots", "Leaves in any order, and the root of the tree.", vectors.collect());
}

#[test]
fn accounts() {
    let address = |seed: u8| Address::from_slice(&noise(seed.into())[..20]);
    let plain = |nonce: u64, balance: u128| Account { nonce, balance: U256::from(balance), ..Account::default() };
    let contract = Account { code_hash: noise(1).into(), code_size: 24_576, ..plain(1, 0) };
    let slots = [0, 1, 63, 64, 255, 256, 70_000].map(U256::from);
    let storage = slots.into_iter().chain([U256::MAX, U256::ONE << 200]);
    let storage: Vec<(U256, U256)> = storage.zip((1..).map(U256::from)).collect();
    let cases = [
        ("plain", address(1), plain(7, 10u128.pow(18)), None, vec![]),
        ("richest", address(2), plain(u64::MAX, u128::MAX), None, vec![]),
        ("empty", address(3), plain(0, 0), None, vec![]),
        ("contract", address(4), contract, None, storage.clone()),
        (
            "delegated",
            address(5),
            Account { code_size: 23, code_hash: noise(2).into(), ..plain(1, 5) },
            Some(address(6)),
            storage,
        ),
        (
            "published address",
            Address::from(hex!("00112233445566778899aabbccddeeff00112233")),
            plain(0, 1),
            None,
            vec![],
        ),
    ];
    let vectors = cases.into_iter().map(|(name, address, account, delegation, storage)| {
        let mut change = AccountChange { info: Some(Some(account)), delegation, ..AccountChange::default() };
        change.storage = storage;
        let updates = leaf_updates(&Tree::default(), [(address, &change)]).unwrap();
        let leaves: Vec<Leaf> = updates.entries().iter().filter_map(|(key, value)| Some((*key, (*value)?))).collect();
        let word = |value: &U256| hex::encode(value.to_be_bytes::<32>());
        let has_code = account.code_hash != KECCAK256_EMPTY;
        json!({
            "name": name,
            "address": hex::encode(address),
            "nonce": account.nonce,
            "balance": word(&account.balance),
            "code_size": account.code_size,
            "code_hash": has_code.then(|| hex::encode(account.code_hash)),
            "delegation": delegation.map(hex::encode),
            "storage": change.storage.iter().map(|(slot, value)| json!([word(slot), word(value)])).collect::<Vec<_>>(),
            "root": hex::encode(tree(&leaves).root()),
            "leaves": leaves_json(leaves),
        })
    });
    let about = "What of an account stands in the tree: its leaves in order, and the root of a tree of nothing else.";
    golden("state", "accounts", about, vectors.collect());
}

/// The verdict on a proof's bytes, and the value if it is `ok`.
fn judge(bytes: &[u8], root: B256, key: &TreeKey) -> (&'static str, Option<[u8; 32]>) {
    let Ok(proof) = Proof::decode(bytes) else { return ("decode", None) };
    match proof.verify(root, key) {
        Ok(value) => ("ok", value),
        Err(weft_state::proof::ProofError::Way) => ("way", None),
        Err(weft_state::proof::ProofError::Root) => ("root", None),
    }
}

#[test]
fn proofs() {
    let leaves = mixed(300);
    let whole = tree(&leaves);
    let absent_below = key(&[&[0], &noise(1_000_003), &[0]]);
    let absent_beside = key(&[&[0xff], &noise(8), &noise(10), &[1]]);
    let empty = Tree::default();
    let mut vectors = Vec::new();
    let mut add = |name: &str, want: &str, bytes: &[u8], root: B256, key: &TreeKey| {
        let (verdict, value) = judge(bytes, root, key);
        assert_eq!(verdict, want, "{name}");
        vectors.push(json!({
            "name": name,
            "root": hex::encode(root),
            "key": hex::encode(key.as_slice()),
            "proof": hex::encode(bytes),
            "verdict": verdict,
            "value": value.map(hex::encode),
        }));
    };
    let of = |tree: &Tree, key: &TreeKey| tree.prove(key).unwrap().encode();
    for (name, at) in [("in the header zone", 0), ("in storage", 1), ("in a group of slots", 2)] {
        add(name, "ok", &of(&whole, &leaves[at].0), whole.root(), &leaves[at].0);
    }
    add("absent, another leaf there", "ok", &of(&whole, &absent_below), whole.root(), &absent_below);
    add("absent, a branch there", "ok", &of(&whole, &absent_beside), whole.root(), &absent_beside);
    add("nothing there", "ok", &of(&empty, &absent_below), B256::ZERO, &absent_below);
    let single = tree(&leaves[..1]);
    add("the only leaf", "ok", &of(&single, &leaves[0].0), single.root(), &leaves[0].0);
    add("beside the only leaf", "ok", &of(&single, &leaves[1].0), single.root(), &leaves[1].0);

    let (key, bytes) = (&leaves[0].0, of(&whole, &leaves[0].0));
    let with = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        edit(&mut bytes);
        bytes
    };
    let root = whole.root();
    add("no bytes", "decode", &[], root, key);
    add("a byte more", "decode", &with(&|bytes| bytes.push(0)), root, key);
    add("a byte less", "decode", &with(&|bytes| _ = bytes.pop()), root, key);
    add("a bit beyond all keys", "decode", &with(&|bytes| bytes[2] = 3), root, key);
    add("an unknown end", "decode", &[0, 0, 3], root, key);
    add("another value", "root", &with(&|bytes| *bytes.last_mut().unwrap() ^= 1), root, key);
    add("another sibling", "root", &with(&|bytes| bytes[4] ^= 1), root, key);
    add("another root", "root", &bytes, single.root(), key);
    let swapped = with(&|bytes| {
        let (first, second) = bytes[2..].split_at_mut(34);
        first.swap_with_slice(&mut second[..34]);
    });
    add("steps that go up", "way", &swapped, root, key);
    add("another key's proof", "way", &bytes, root, &leaves[3].0);
    add("an empty tree below a step", "way", &[&[0, 1, 0, 0][..], &[1; 32], &[0]].concat(), root, key);
    golden("state", "proofs", "Proofs of keys under a root; a value of null is proven absence.", vectors);
}

#[test]
fn witnesses() {
    let leaves = mixed(300);
    let whole = tree(&leaves);
    let mut vectors = Vec::new();
    let mut add = |name: &str, tree: &Tree, read: &[TreeKey], missing: &[TreeKey]| {
        let mut access = Access::default();
        read.iter().for_each(|key| access.read(*key));
        let bytes = tree.witness(&access, SEQUENTIAL).unwrap().to_vec();
        let part = PartialTree::decode(&bytes, tree.root(), SEQUENTIAL).unwrap();
        let found =
            read.iter().map(|key| json!([hex::encode(key.as_slice()), part.get(key).unwrap().map(hex::encode)]));
        let found: Vec<Value> = found.collect();
        assert!(missing.iter().all(|key| part.get(key).is_err()), "{name}");
        vectors.push(json!({
            "name": name,
            "root": hex::encode(tree.root()),
            "witness": hex::encode(&bytes),
            "found": found,
            "missing": missing.iter().map(|key| hex::encode(key.as_slice())).collect::<Vec<_>>(),
        }));
    };
    let keys = |step: usize| leaves.iter().map(|leaf| leaf.0).step_by(step).collect::<Vec<_>>();
    let absent = [key(&[&[0], &noise(1_000_003), &[0]]), key(&[&[0xff], &noise(8), &noise(10), &[1]])];
    add("some", &whole, &keys(37), &[leaves[1].0, leaves[2].0]);
    add("all", &whole, &keys(1), &[]);
    add("absent ones", &whole, &absent, &[leaves[1].0]);
    add("nothing of a tree", &whole, &[], &[leaves[0].0]);
    add("the empty tree", &Tree::default(), &absent, &[]);
    let about = "Witnesses under a root: what they say of keys (null: absent), and keys that they do not reveal.";
    golden("state", "witnesses", about, vectors);
}
