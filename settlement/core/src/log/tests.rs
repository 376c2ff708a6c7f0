//! Golden hashes, one a kind; round trips; hostile bytes.
#![allow(clippy::unwrap_used)]

use alloy_primitives::{Address, B256, Bytes, b256};
use proptest::prelude::*;
use weft_primitives::inbox::Content;
use weft_primitives::withdrawal::{Claim, DEPTH, Proof};
use weft_primitives::{BatchHeader, Deposit, Funding, InboxItem, Promise, SignedBatch, Signer, Withdrawal};

use super::*;
use crate::statement::KeyChange;

fn signer() -> Signer {
    Signer::from_bytes([1; 32]).unwrap()
}

const CONFIG: B256 = B256::repeat_byte(0xc0);

fn item(raw: Bytes) -> InboxItem {
    InboxItem { index: 0, time_ms: 5, content: Content::Transaction(raw) }
}

fn signed(batch_index: u64) -> SignedBatch {
    BatchHeader { version: 1, chain_id: 31337, batch_index, ..Default::default() }.sign(&signer())
}

fn key_change() -> KeyChange {
    let (config_hash, new_key) = (B256::repeat_byte(2), Address::repeat_byte(3));
    KeyChange { chain_id: 31337, config_hash, new_key, epoch: 4 }
}

/// One of each kind.
fn events() -> Vec<Event> {
    let (batch_index, commitment) = (3, B256::repeat_byte(9));
    let verdict = ExecutionVerdict { batch_index, commitment, valid: true, stf_version: 1 };
    let owner = Signer::from_bytes([3; 32]).unwrap();
    let deposit = Deposit::sign(CONFIG, &owner, 2, Address::repeat_byte(7), 1_000);
    let withdrawal = Withdrawal { index: 5, sender: Address::repeat_byte(1), recipient: owner.address(), amount: 3 };
    let promise =
        Promise { chain_id: 31337, config_hash: CONFIG, base: B256::ZERO, number: 7, block_hash: B256::repeat_byte(5) };
    let broken = BrokenPromise { promise: promise.sign(&signer()), commitment, stands: B256::repeat_byte(6) };
    let claim = Claim { batch_index, withdrawal, proof: Proof([B256::repeat_byte(4); DEPTH]) };
    vec![
        Event::Posted(Box::new(signed(0))),
        Event::Availability(AvailabilityVerdict { batch_index, commitment, available: true }),
        Event::Verdict(verdict),
        Event::Finalized(Finalized { batch_index, commitment }),
        Event::Rejected(Rejected { batch_index, commitment, reason: RejectReason::InvalidStf, block: Some(7) }),
        Event::Inbox(item(Bytes::from_static(&[2, 3]))),
        Event::Equivocation(Box::new(Equivocation { first: signed(1), second: signed(2) })),
        Event::KeyChange(Box::new(key_change().sign(&signer()))),
        Event::Challenge(Challenge { batch_index, commitment, witness_hash: B256::repeat_byte(8) }),
        Event::ChallengeOutcome(ExecutionVerdict { valid: false, ..verdict }),
        Event::SignedVerdict(Box::new(verdict.sign(&signer()))),
        Event::Forced(Box::new(ForcedBatch { header: signed(4).header, inbox_len: 6 })),
        Event::Funding(Funding::sign(CONFIG, &owner, 1, owner.address(), 1 << 70)),
        Event::Claim(Box::new(claim)),
        Event::Inbox(InboxItem { index: 1, time_ms: 6, content: Content::Deposit(deposit) }),
        Event::BrokenPromise(Box::new(broken)),
    ]
}

fn entry(event: Event) -> LogEntry {
    LogEntry { seq: 2, prev_hash: B256::repeat_byte(1), time_ms: 1_700_000_000_000, event }
}

#[test]
fn golden_hashes() {
    let want = [
        b256!("507ab26397bfd74c248ffc3fab52f9ad88f525b3373bee029fe1cc1f2e22e342"),
        b256!("4065f95f2a2aee01493a200821b33337049c51b9bcdff470d3aa0a3c95f9bde5"),
        b256!("04bb26d546a7d429a67a9913290e241a2da2a246bce36e9d01601e0b51938e50"),
        b256!("859e10ef07826b20a465495762fc0c7c3a3e24dc920c8ed5995239d9dae56e1f"),
        b256!("5a4c4f7545bd78ea3806d9d61619205fa3e387fbad0b83e13e03fbdd57f4dcc7"),
        b256!("e1f008910fc30b32bf4a16ef07e1cabfad58f83cb273e1cbedca9eedd07f7d6f"),
        b256!("d55c97c86fa06b919d69c59f9e896c00ec755730787058445a2931b8bb1c9336"),
        b256!("5a9dc9d0792a6e6b063abf8782baf8cd177c62534136a43dfff8e792afdcf32e"),
        b256!("b4bdda5d3aee188f494374273d66a5bb7caca411c5021e48d789f357b1bc2b57"),
        b256!("dcfc160d1cbc0190bd2bc37dd63d8d48e9c8c6e791a2918f256b6cf1cde3dc89"),
        b256!("930f566c4f1fae08382797c43e14b531b42780e0239541d4b21d70eb10b481ad"),
        b256!("995e1a11d4425448e8570a7538890acbd1ed4b0eddf160c81cf5baf37b5147af"),
        b256!("4fd2e11001a409d120b9630da072a3ffec45128715d2261e98842728d33138fb"),
        b256!("8dbacf6688b345c63ff151f164a63783b5cda01b383e94fea5c9eced308075d9"),
        b256!("86edfa7644f0798189ee5237b70fcfe384818854093ccd393e63fa268517a982"),
        b256!("ca0fed9d32f12dbde93096694265e779ead0e1c3ab1628fa7b6fe9be92b1072f"),
    ];
    let got: Vec<B256> = events().into_iter().map(|event| entry(event).hash()).collect();
    assert_eq!(got, want);
}

#[test]
fn every_kind_round_trips() {
    for event in events() {
        let entry = entry(event);
        assert_eq!(LogEntry::decode(&entry.encode()), Ok(entry));
    }
    let none = Event::Rejected(Rejected {
        batch_index: 0,
        commitment: B256::ZERO,
        reason: RejectReason::Unavailable,
        block: None,
    });
    assert_eq!(LogEntry::decode(&entry(none.clone()).encode()).unwrap().event, none);
}

#[test]
fn the_largest_entry_decodes_and_one_byte_more_does_not() {
    let item = |len| Event::Inbox(item(vec![7; len].into()));
    let largest = entry(item(MAX_TRANSACTION_BYTES));
    assert_eq!(largest.encode().len(), MAX_ENTRY_BYTES);
    assert_eq!(LogEntry::decode(&largest.encode()).unwrap(), largest);
    let larger = entry(item(MAX_TRANSACTION_BYTES + 1)).encode();
    assert!(matches!(LogEntry::decode(&larger), Err(DecodeError::TooLarge { .. })));
}

#[test]
fn only_the_first_entry_follows_nothing() {
    let good = entry(events().remove(3));
    for (seq, prev_hash) in [(0, B256::ZERO), (1, B256::repeat_byte(1)), (2, B256::ZERO)] {
        assert!(LogEntry::decode(&LogEntry { seq, prev_hash, ..good.clone() }.encode()).is_err());
    }
}

#[test]
fn reasons_have_one_code_and_one_name() {
    for reason in RejectReason::ALL {
        assert_eq!(RejectReason::from_code(reason.code()), Ok(*reason));
        assert_eq!(reason.as_str().parse(), Ok(*reason));
    }
    assert_eq!(RejectReason::from_code(0), Err(UnknownReason));
    assert_eq!("NONE".parse::<RejectReason>(), Err(UnknownReason));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(kind in 0u8..17, bytes in proptest::collection::vec(any::<u8>(), 0..1200)) {
        let bytes = [&[kind][..], &bytes].concat();
        if let Ok(entry) = LogEntry::decode(&bytes) {
            prop_assert_eq!(entry.encode(), bytes);
        }
    }

    #[test]
    fn mutated_entries_decode_to_what_they_encode(which in 0usize..16, at: prop::sample::Index, byte: u8, cut: bool) {
        let mut bytes = entry(events().remove(which)).encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        if let Ok(entry) = LogEntry::decode(&bytes) {
            prop_assert_eq!(entry.encode(), bytes);
        }
    }

    #[test]
    fn any_change_changes_the_hash(which in 0usize..16, at: prop::sample::Index, flip in 1u8..) {
        let honest = entry(events().remove(which));
        let mut bytes = honest.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(changed) = LogEntry::decode(&bytes) {
            prop_assert_ne!(changed.hash(), honest.hash());
        }
    }
}
