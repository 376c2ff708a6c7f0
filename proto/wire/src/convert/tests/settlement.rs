//! Commitments and log entries.

use proptest::prelude::*;
use weft_primitives::inbox::Content;
use weft_primitives::withdrawal::{Claim, DEPTH, Proof};
use weft_primitives::{
    Address, Deposit, Funding, InboxItem, Promise, Signature, SignedBatch, SignedPromise, Withdrawal,
};
use weft_settlement::{
    AvailabilityVerdict, BrokenPromise, Challenge, Equivocation, Event, ExecutionVerdict, Finalized, ForcedBatch,
    KeyChange, LogEntry, Record, RejectReason, Rejected, Rejection, SignedKeyChange, SignedVerdict, Status, Vote,
};

use super::{commitments, damage, hashes, survives};
use crate::convert::CommitmentView;
use crate::pb::common::v1 as common;
use crate::pb::settlement::v1 as pb;

fn reasons() -> impl Strategy<Value = RejectReason> {
    prop::sample::select(RejectReason::ALL)
}

fn addresses() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::from)
}

fn signatures() -> impl Strategy<Value = Signature> {
    any::<[[u8; 13]; 5]>().prop_map(|parts| Signature::from_slice(&parts.concat()).unwrap())
}

fn verdicts() -> impl Strategy<Value = ExecutionVerdict> {
    (any::<u64>(), hashes(), any::<bool>(), any::<u32>()).prop_map(|(batch_index, commitment, valid, stf_version)| {
        ExecutionVerdict { batch_index, commitment, valid, stf_version }
    })
}

fn key_changes() -> impl Strategy<Value = SignedKeyChange> {
    (any::<u64>(), hashes(), addresses(), any::<u64>(), signatures()).prop_map(
        |(chain_id, config_hash, new_key, epoch, signature)| {
            let change = KeyChange { chain_id, config_hash, new_key, epoch };
            SignedKeyChange { change, signature }
        },
    )
}

fn votes() -> impl Strategy<Value = Vec<Vote>> {
    let vote = (addresses(), any::<bool>(), any::<u64>());
    prop::collection::vec(vote.prop_map(|(verifier, valid, log_seq)| Vote { verifier, valid, log_seq }), 0..4)
}

fn deposits() -> impl Strategy<Value = Deposit> {
    (any::<[u8; 20]>(), any::<[u8; 20]>(), any::<u64>(), any::<u128>(), any::<[u8; 32]>()).prop_map(
        |(account, to, nonce, amount, half)| {
            let mut signature = Signature::ABSENT;
            signature.0[..32].copy_from_slice(&half);
            Deposit { account: account.into(), nonce, to: to.into(), amount, signature }
        },
    )
}

fn promises() -> impl Strategy<Value = SignedPromise> {
    (any::<u64>(), hashes(), hashes(), any::<u64>(), hashes(), signatures()).prop_map(
        |(chain_id, config_hash, base, number, block_hash, signature)| {
            let promise = Promise { chain_id, config_hash, base, number, block_hash };
            SignedPromise { promise, signature }
        },
    )
}

fn events() -> impl Strategy<Value = Event> {
    let place = (any::<u64>(), hashes());
    let item = (any::<u64>(), any::<u64>(), prop::collection::vec(any::<u8>(), 0..50));
    prop_oneof![
        commitments().prop_map(|signed| Event::Posted(Box::new(signed))),
        (place.clone(), any::<bool>()).prop_map(|((batch_index, commitment), available)| {
            Event::Availability(AvailabilityVerdict { batch_index, commitment, available })
        }),
        verdicts().prop_map(Event::Verdict),
        verdicts().prop_map(Event::ChallengeOutcome),
        (place.clone(), hashes()).prop_map(|((batch_index, commitment), witness_hash)| {
            Event::Challenge(Challenge { batch_index, commitment, witness_hash })
        }),
        (verdicts(), signatures())
            .prop_map(|(verdict, signature)| Event::SignedVerdict(Box::new(SignedVerdict { verdict, signature }))),
        key_changes().prop_map(|signed| Event::KeyChange(Box::new(signed))),
        place.clone().prop_map(|(batch_index, commitment)| Event::Finalized(Finalized { batch_index, commitment })),
        (place, reasons(), any::<Option<u64>>()).prop_map(|((batch_index, commitment), reason, block)| {
            Event::Rejected(Rejected { batch_index, commitment, reason, block })
        }),
        item.prop_map(|(index, time_ms, transaction)| {
            Event::Inbox(InboxItem { index, time_ms, content: Content::Transaction(transaction.into()) })
        }),
        (any::<u64>(), any::<u64>(), deposits()).prop_map(|(index, time_ms, deposit)| {
            Event::Inbox(InboxItem { index, time_ms, content: Content::Deposit(deposit) })
        }),
        (commitments(), any::<u64>()).prop_map(|(signed, inbox_len)| {
            Event::Forced(Box::new(ForcedBatch { header: signed.header, inbox_len }))
        }),
        deposits().prop_map(|deposit| {
            let Deposit { account, nonce: number, amount, signature, .. } = deposit;
            Event::Funding(Funding { number, account, amount, signature })
        }),
        (any::<u64>(), deposits(), hashes()).prop_map(|(batch_index, deposit, sibling)| {
            let Deposit { account: sender, nonce: index, to: recipient, amount, .. } = deposit;
            let withdrawal = Withdrawal { index, sender, recipient, amount };
            Event::Claim(Box::new(Claim { batch_index, withdrawal, proof: Proof([sibling; DEPTH]) }))
        }),
        (commitments(), commitments())
            .prop_map(|(first, second)| Event::Equivocation(Box::new(Equivocation { first, second }))),
        (promises(), hashes(), hashes()).prop_map(|(promise, commitment, stands)| {
            Event::BrokenPromise(Box::new(BrokenPromise { promise, commitment, stands }))
        }),
    ]
}

fn entries() -> impl Strategy<Value = LogEntry> {
    (any::<u64>(), hashes(), any::<u64>(), events()).prop_map(|(seq, prev_hash, time_ms, event)| LogEntry {
        seq,
        prev_hash,
        time_ms,
        event,
    })
}

fn records() -> impl Strategy<Value = Record> {
    let times = (any::<u64>(), any::<u64>(), any::<Option<u64>>(), any::<u64>());
    let status = prop::sample::select(&Status::ALL[..]);
    let more = (any::<Option<u64>>(), votes());
    (commitments(), status, times, prop::option::of(reasons()), more).prop_map(
        |(signed, status, times, reason, more)| {
            let (log_seq, posted_ms, finalized_ms, generation) = times;
            let (available_ms, votes) = more;
            let commitment = signed.header.hash();
            let rejection = reason.map(|reason| Rejection { reason, block: None });
            Record {
                signed,
                commitment,
                status,
                log_seq,
                posted_ms,
                available_ms,
                finalized_ms,
                votes,
                rejection,
                generation,
            }
        },
    )
}

proptest! {
    #[test]
    fn commitments_come_back(signed in commitments(), damage in damage()) {
        let wire = common::SignedBatch::from(&signed);
        prop_assert_eq!(SignedBatch::try_from(wire.clone()), Ok(signed));
        survives::<_, SignedBatch>(&wire, damage);
        let mut short = wire.clone();
        short.signature.truncate(64);
        prop_assert!(SignedBatch::try_from(short).is_err());
        let headless = common::SignedBatch { header: None, ..wire };
        prop_assert!(SignedBatch::try_from(headless).is_err());
    }

    #[test]
    fn promises_come_back(signed in promises(), damage in damage()) {
        let wire = common::SignedPromise::from(&signed);
        prop_assert_eq!(SignedPromise::try_from(wire.clone()), Ok(signed));
        survives::<_, SignedPromise>(&wire, damage);
        let later = common::SignedPromise { version: 2, ..wire };
        prop_assert_eq!(SignedPromise::try_from(later).unwrap_err().field, "version");
    }

    #[test]
    fn log_entries_come_back_unless_forged(entry in entries(), damage in damage()) {
        let wire = pb::LogEntry::from(&entry);
        prop_assert_eq!(LogEntry::try_from(wire.clone()), Ok(entry));
        survives::<_, LogEntry>(&wire, damage);
        let late = pb::LogEntry { time_ms: wire.time_ms ^ 1, ..wire.clone() };
        prop_assert_eq!(LogEntry::try_from(late).unwrap_err().field, "hash");
        let empty = pb::LogEntry { event: None, ..wire };
        prop_assert_eq!(LogEntry::try_from(empty).unwrap_err().field, "event");
    }

    #[test]
    fn commitment_views_come_back(record in records()) {
        let wire = pb::Commitment::from(&record);
        let view = CommitmentView::try_from(wire.clone()).unwrap();
        prop_assert_eq!((&view.signed, view.commitment), (&record.signed, record.commitment));
        prop_assert_eq!((view.status, view.log_seq, view.posted_ms), (record.status, record.log_seq, record.posted_ms));
        prop_assert_eq!((view.finalized_ms, view.generation), (record.finalized_ms, record.generation));
        prop_assert_eq!((view.available_ms, &view.votes), (record.available_ms, &record.votes));
        let many = pb::Commitment { votes: vec![pb::Vote::default(); 65], ..wire.clone() };
        prop_assert_eq!(CommitmentView::try_from(many).unwrap_err().field, "votes");
        let reason = record.rejection.map_or("", |rejection| rejection.reason.as_str());
        prop_assert_eq!(view.reject_reason, reason);
        for unknown in [0, 99] {
            let odd = pb::Commitment { status: unknown, ..wire.clone() };
            prop_assert_eq!(CommitmentView::try_from(odd).unwrap_err().field, "status");
        }
        let other = pb::Commitment { commitment_hash: vec![7; 32].into(), ..wire };
        prop_assert_eq!(CommitmentView::try_from(other).unwrap_err().field, "commitment_hash");
    }
}

#[test]
fn an_inbox_item_may_not_be_longer_than_a_transaction() {
    let long = vec![0; weft_primitives::limits::MAX_TRANSACTION_BYTES + 1];
    let content = Some(pb::inbox_item::Content::Transaction(long.into()));
    let item = pb::InboxItem { index: 0, time_ms: 0, content };
    assert_eq!(InboxItem::try_from(item).unwrap_err().field, "transaction");
}

#[test]
fn a_proof_has_one_length_and_an_amount_one_width() {
    let withdrawal = Withdrawal { index: 1, sender: Default::default(), recipient: Default::default(), amount: 1 };
    let claim = Claim { batch_index: 0, withdrawal, proof: Proof([Default::default(); DEPTH]) };
    let wire = pb::Claim::from(&claim);
    assert_eq!(Claim::try_from(wire.clone()), Ok(claim));
    let mut short = wire.clone();
    short.proof.pop();
    assert_eq!(Claim::try_from(short).unwrap_err().field, "proof");
    let mut wide = wire;
    wide.withdrawal.as_mut().unwrap().amount = vec![1; 17].into();
    assert_eq!(Claim::try_from(wide).unwrap_err().field, "amount");
}
