//! The gate by its rules, and its counts against a simple model.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, PutClaim, Schedule, SignedHeader, blob_hash};
use weft_primitives::{B256, Namespace, Signer};
use weft_service::clock::ManualClock;

use super::file::parse;
use super::gate::MAX_TRACKED_NAMESPACES;
use super::{Announced, Gate, Policies, Policy, PolicyError, Reservation};
use crate::config::{Config, Limits};
use crate::intake::PutError;
use crate::store::{MemoryStore, Store};

fn signer(number: u8) -> Signer {
    Signer::from_bytes([number; 32]).unwrap()
}

fn name(number: u8) -> Namespace {
    Namespace([number; 32])
}

fn gate(policies: Policies) -> (Arc<Gate>, Arc<ManualClock>, Arc<MemoryStore>) {
    let (clock, store) = (Arc::new(ManualClock::default()), Arc::new(MemoryStore::default()));
    let config = Config {
        data_dir: "/".into(),
        signer: signer(1),
        network_id: 9,
        limits: Limits::default(),
        custody: None,
        namespaces: None,
        retention: Default::default(),
        archive: None,
    };
    (Gate::new(config, policies, store.clone(), clock.clone()).unwrap(), clock, store)
}

fn put(number: u8, length: u64) -> Announced {
    Announced { namespace: name(number), content: B256::repeat_byte(length as u8), length, signature: None }
}

fn policies(text: &str) -> Policies {
    parse(Path::new("test.toml"), text, &Limits::default()).unwrap()
}

#[test]
fn the_file_says_what_it_says() {
    let policies = policies(
        "open = false\n[default]\nquota_bytes = 5\n[namespace.\"weft documents\"]\n\
         keys = [\"0xF67377a43b719d2f92D5EC8d5869F6949C9cB863\"]\nputs_per_second = 3\n\
         [namespace.0x0101010101010101010101010101010101010101010101010101010101010101]\nkeys = []",
    );
    let documents = policies.find(&"weft documents".parse().unwrap()).unwrap();
    assert_eq!((documents.keys.as_ref().map(Vec::len), documents.quota_bytes), (Some(1), None));
    assert_eq!(documents.put_rate(), Some((3, 3)));
    assert_eq!(policies.find(&name(1)).unwrap().keys, Some(vec![]));
    assert_eq!(policies.find(&name(2)), None);
    let label = |number| policies.label(&name(number));
    assert!(label(1).starts_with("0x01") && *label(2) == *"other" && *label(3) == *"other");
}

#[test]
fn the_example_names_the_development_rollup() {
    let policies = policies(include_str!("../../../../config/namespaces.toml"));
    let rollup = policies.find(&Namespace::for_chain(31_337)).unwrap();
    let sequencer = Signer::from_hex(include_str!("../../../../config/dev-keys/sequencer.key")).unwrap();
    assert_eq!(rollup.keys, Some(vec![sequencer.address()]));
    let documents = policies.find(&"weft documents".parse().unwrap()).unwrap();
    assert!(documents.burst_puts.is_some() && documents.max_waiting_blobs.is_some());
}

#[test]
fn files_that_cannot_work_say_why() {
    let table = |text: &str| format!("[namespace.\"a\"]\n{text}");
    let cases = [
        ("opne = true".to_owned(), "unknown field `opne`"),
        (table("quota = 1"), "unknown field `quota`"),
        (table("keys = [\"0x12\"]"), "invalid"),
        (table("bytes_per_second = 0"), "`namespace.\"a\".bytes_per_second`: must be at least 1"),
        (table("burst_puts = 4"), "needs puts_per_second"),
        (table("bytes_per_second = 9\nburst_bytes = 10"), "less than the largest blob, 16777216 bytes"),
        (table("max_blob_bytes = 100\nmax_waiting_bytes = 99"), "less than the largest blob, 100 bytes"),
        (format!("[namespace.\"{}\"]", "a".repeat(33)), "64 hexadecimal digits"),
        (format!("[namespace.\"{0}\"]\n[namespace.\"0x{0}\"]", "ab".repeat(32)), "two tables"),
        (table(&format!("keys = [{}]", "\"0xF67377a43b719d2f92D5EC8d5869F6949C9cB863\",".repeat(65))), "more than 64"),
        ((0..1_025).map(|n| format!("[namespace.n{n}]\n")).collect(), "1025 namespaces"),
    ];
    for (text, why) in cases {
        let error = parse(Path::new("test.toml"), &text, &Limits::default()).unwrap_err().to_string();
        assert!(error.contains("test.toml") && error.contains(why), "{text}: {error}");
    }
    let gone = super::file::load(Path::new("/nowhere/a.toml"), &Limits::default());
    assert!(matches!(gone, Err(PolicyError::Read { .. })));
}

#[test]
fn keys_sign_one_content_for_one_network() {
    let owner = signer(5);
    let mut policies = Policies { open: false, ..Policies::default() };
    policies.set(name(1), "one", Policy { keys: Some(vec![owner.address()]), ..Policy::default() });
    let (gate, ..) = gate(policies);
    let plain = put(1, 10);
    assert!(matches!(gate.check(&put(2, 10)), Err(PutError::Closed)));
    assert!(matches!(gate.check(&plain), Err(PutError::Key { signer: None })));
    let Announced { namespace, content, length, .. } = plain;
    let claim = PutClaim { network_id: 9, namespace, content, length };
    let signed = |claim: PutClaim, by: &Signer| Announced { signature: Some(claim.sign(by)), ..plain };
    gate.check(&signed(claim, &owner)).unwrap();
    let stranger = gate.check(&signed(claim, &signer(6))).unwrap_err();
    assert!(stranger.to_string().contains(&signer(6).address().to_string()), "{stranger}");
    for other in [PutClaim { network_id: 8, ..claim }, PutClaim { length: 11, ..claim }] {
        assert!(matches!(gate.check(&signed(other, &owner)), Err(PutError::Key { signer: Some(_) })));
    }
    let mut broken = signed(claim, &owner);
    broken.signature.as_mut().unwrap().0[64] = 0;
    assert!(matches!(gate.check(&broken), Err(PutError::Key { signer: None })));
}

#[test]
fn rates_tell_how_long_to_wait_and_refusals_cost_nothing() {
    let policies = policies(
        "[namespace.a]\nmax_blob_bytes = 1000\nbytes_per_second = 1000\nputs_per_second = 2\nburst_puts = 3\n\
         max_waiting_bytes = 1000\nquota_bytes = 4000",
    );
    let (gate, clock, _) = gate(policies);
    clock.set_ms(1_000_000);
    let announced = |length| Announced { namespace: "a".parse().unwrap(), ..put(1, length) };
    assert!(matches!(gate.check(&announced(1_001)), Err(PutError::TooLarge { limit_bytes: 1_000, .. })));
    let first = gate.reserve(&announced(600)).unwrap();
    // Refused for another reason: no tokens are taken.
    for _ in 0..10 {
        let error = gate.reserve(&announced(700)).unwrap_err();
        assert!(matches!(error, PutError::NamespaceFull { key: "max_waiting_bytes", limit: 1_000 }), "{error}");
    }
    let wait = |error| match error {
        Err(PutError::Rate { wait }) => wait,
        other => panic!("{other:?}"),
    };
    drop(first);
    assert_eq!(wait(gate.reserve(&announced(500))), Duration::from_millis(100));
    clock.advance_ms(99);
    assert_eq!(wait(gate.reserve(&announced(500))), Duration::from_millis(1));
    clock.advance_ms(1);
    drop(gate.reserve(&announced(500)).unwrap());
    // A rate of puts, too: three at once, then two a second.
    clock.advance_ms(10_000);
    (0..3).for_each(|length| drop(gate.reserve(&announced(length + 1)).unwrap()));
    assert_eq!(wait(gate.reserve(&announced(1))), Duration::from_millis(500));
}

#[test]
fn other_policies_take_over_what_was_counted() {
    let text = |quota: u64| format!("[namespace.a]\nquota_bytes = {quota}\nputs_per_second = 1\nburst_puts = 100");
    let (gate, ..) = gate(policies(&text(1_000)));
    let announced = |length| Announced { namespace: "a".parse().unwrap(), ..put(1, length) };
    let held = gate.reserve(&announced(900)).unwrap();
    assert!(matches!(gate.reserve(&announced(200)), Err(PutError::Quota { used_bytes: 900, .. })));
    gate.reload(policies(&text(2_000))).unwrap();
    drop(gate.reserve(&announced(200)).unwrap());
    gate.reload(Policies { open: false, ..Policies::default() }).unwrap();
    assert!(matches!(gate.check(&announced(1)), Err(PutError::Closed)));
    assert_eq!(gate.used_bytes(&"a".parse().unwrap()), Some(900), "what is on its way stays admitted");
    drop(held);
    assert_eq!(gate.tracked(), 0);
}

#[test]
fn namespaces_without_a_policy_are_forgotten_when_they_rest() {
    let mut open = Policies::default();
    open.default.puts_per_second = Some(1);
    let (gate, clock, _) = gate(open);
    let foreign = |number: usize| {
        let mut namespace = Namespace([0; 32]);
        namespace.0[..8].copy_from_slice(&number.to_be_bytes());
        Announced { namespace, ..put(1, 10) }
    };
    for number in 0..MAX_TRACKED_NAMESPACES {
        drop(gate.reserve(&foreign(number)).unwrap());
    }
    assert_eq!(gate.tracked(), MAX_TRACKED_NAMESPACES);
    let more = foreign(MAX_TRACKED_NAMESPACES);
    assert!(matches!(gate.reserve(&more), Err(PutError::Full { .. })));
    clock.advance_ms(1_000);
    drop(gate.reserve(&more).unwrap());
    assert_eq!(gate.tracked(), 1);
}

#[test]
fn strangers_leave_room_for_those_with_rules() {
    let largest = Limits::default().max_blob_bytes;
    let with_rules = policies("[namespace.a]");
    for (rules, taken) in [(Policies::default(), 9), (with_rules, 4)] {
        let (gate, ..) = gate(rules);
        let held: Vec<_> = (0..9).map_while(|number| gate.reserve(&put(number, largest)).ok()).collect();
        assert_eq!(held.len(), taken, "of 128 MiB");
        gate.reserve(&Announced { namespace: "a".parse().unwrap(), ..put(1, largest) }).unwrap();
        drop(held);
        gate.reserve(&put(1, largest)).unwrap();
    }
}

/// What may happen to a namespace.
#[derive(Clone, Debug)]
enum Step {
    Begin(u8, u8),
    /// Ends the put at an index, with its blob stored before or not.
    End(prop::sample::Index, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let begin = (0u8..3, 1u8..20).prop_map(|(namespace, blob)| Step::Begin(namespace, blob));
    let end = (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(at, stored)| Step::End(at, stored));
    prop::collection::vec(prop_oneof![3 => begin, 2 => end], 1..120)
}

/// Blob number `n`: ten times `n` bytes.
fn blob(number: u8) -> Vec<u8> {
    vec![number; number as usize * 10]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Against sets: what is stored and what is on its way, by content. A put is taken if its blob is in either, or if
    /// both together with it are within the quota.
    #[test]
    fn counts_are_those_of_a_simple_model(steps in steps()) {
        const QUOTA: u64 = 600;
        let mut rules = Policies::default();
        rules.default.quota_bytes = Some(QUOTA);
        rules.set(name(0), "zero", Policy { quota_bytes: Some(QUOTA), ..Policy::default() });
        let (gate, _, store) = gate(rules);
        let mut stored: BTreeMap<u8, BTreeSet<u8>> = BTreeMap::new();
        let mut puts: Vec<(u8, u8, Reservation)> = Vec::new();
        let mut parent: Option<SignedHeader> = None;
        for step in steps {
            match step {
                Step::Begin(namespace, number) => {
                    let data = blob(number);
                    let length = data.len() as u64;
                    let announced =
                        Announced { namespace: name(namespace), content: blob_hash(&data), length, signature: None };
                    let mut used = stored.get(&namespace).cloned().unwrap_or_default();
                    used.extend(puts.iter().filter(|(n, ..)| *n == namespace).map(|(_, number, _)| *number));
                    let sum: u64 = used.iter().map(|number| u64::from(*number) * 10).sum();
                    let fits = used.contains(&number) || sum + length <= QUOTA;
                    match gate.reserve(&announced) {
                        Ok(reservation) => {
                            prop_assert!(fits);
                            puts.push((namespace, number, reservation));
                        }
                        Err(PutError::Quota { used_bytes, .. }) => prop_assert!(!fits && used_bytes == sum),
                        Err(other) => prop_assert!(false, "{other}"),
                    }
                }
                Step::End(at, store_it) if !puts.is_empty() => {
                    let (namespace, number, reservation) = puts.swap_remove(at.index(puts.len()));
                    let known = stored.entry(namespace).or_default();
                    if store_it && known.insert(number) {
                        let data = blob(number);
                        let packed = Packed::new(&[Blob::new(name(namespace), &data)], 1 << 20).unwrap();
                        let block = EncodedBlock::encode(packed, Schedule::Sequential);
                        let position = ChainPosition {
                            network_id: 9,
                            height: parent.map_or(1, |parent| parent.header.height + 1),
                            prev_hash: parent.map_or(B256::ZERO, |parent| parent.header.hash()),
                            time_ms: 0,
                        };
                        let header = SignedHeader::sign(block.header(position), &signer(1));
                        store.append(&header, &block).unwrap();
                        parent = Some(header);
                        gate.store([(&name(namespace), blob_hash(&data), data.len() as u64)].into_iter());
                    }
                    drop(reservation);
                }
                Step::End(..) => {}
            }
        }
        drop(puts);
        for (namespace, known) in stored {
            let sum: u64 = known.iter().map(|number| u64::from(*number) * 10).sum();
            prop_assert_eq!(store.usage(&name(namespace)).unwrap().bytes, sum);
            prop_assert!(gate.used_bytes(&name(namespace)).is_none_or(|used| used == sum));
        }
    }
}
