//! Headers: whose are taken, what links them, and what a contradiction leaves behind.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use weft_da::SignedHeader;
use weft_light::chain::Fork;
use weft_light::trust::{TrustError, TrustSource};
use weft_light::{Config, LightError, OnceTarget, ProgressEvent, Verdict};
use weft_primitives::Address;

use crate::node::{Lies, TestNode};
use crate::setup::{BOTH, Transport, client, config, impatient, once};
use crate::world::{MIDDLE, SMALL, World};

fn shows(header: SignedHeader) -> Lies {
    Lies { headers: BTreeMap::from([(header.header.height, header)]), ..Lies::default() }
}

fn in_dir(dir: &Path) -> Config {
    Config { data_dir: Some(dir.to_owned()), ..config() }
}

fn nodes(world: &Arc<World>, lies: &[Lies]) -> Vec<Arc<TestNode>> {
    (0..).zip(lies).map(|(at, lies)| TestNode::new(&format!("node{at}"), world, lies.clone())).collect()
}

/// The error is a fork, and both headers are in the evidence.
fn assert_fork<T: std::fmt::Debug>(result: Result<T, LightError>) -> Fork {
    let Err(LightError::Fork { fork, evidence: Some(path) }) = result else { panic!("{result:?}") };
    let text: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(text["kind"], "fork");
    let header = |name: &str| {
        let bytes = hex::decode(text[name].as_str().unwrap().trim_start_matches("0x")).unwrap();
        SignedHeader::decode(&bytes).unwrap()
    };
    assert_eq!((header("ours"), header("theirs")), (fork.ours, fork.theirs));
    *fork
}

#[tokio::test]
async fn forged_signatures_are_the_nodes_lie() {
    for transport in BOTH {
        let world = World::honest(&[MIDDLE, MIDDLE]);
        let forger = shows(world.forged(2));
        let alone = client(impatient(), &nodes(&world, std::slice::from_ref(&forger)), transport).await;
        for result in [alone.once(OnceTarget::Latest, |_| {}).await.map(drop), alone.until(2, |_| {}).await.map(drop)] {
            assert!(matches!(result, Err(LightError::NoBlock { .. })), "{result:?}");
        }
        assert!(alone.nodes().reports()[0].lies > 0);

        let healed = client(config(), &nodes(&world, &[forger, Lies::default()]), transport).await;
        assert_eq!(once(&healed, OnceTarget::Latest).await.judgement().verdict, Verdict::Available);
        assert_eq!(healed.until(2, |_| {}).await.unwrap().totals.available, 2);
    }
}

#[tokio::test]
async fn a_broken_link_is_kept_as_evidence() {
    for transport in BOTH {
        let world = World::honest(&[MIDDLE; 3]);
        let dir = tempfile::tempdir().unwrap();
        let theirs = world.broken_link(3);
        let client = client(in_dir(dir.path()), &nodes(&world, &[shows(theirs)]), transport).await;
        let fork = assert_fork(client.until(3, |_| {}).await);
        assert_eq!((fork.ours, fork.theirs), (world.at(2).unwrap().header, theirs));
        // What was judged before stays.
        assert_eq!(client.store().through().map(|header| header.header.height), Some(2));
        assert_fork(client.once(OnceTarget::Latest, |_| {}).await);
    }
}

#[tokio::test]
async fn nodes_with_different_headers_convict_the_signer() {
    for transport in BOTH {
        let world = World::honest(&[MIDDLE; 2]);
        let dir = tempfile::tempdir().unwrap();
        let nodes = nodes(&world, &[Lies::default(), shows(world.equivocation(2))]);
        let both = client(in_dir(dir.path()), &nodes, transport).await;
        let fork = assert_fork(both.once(OnceTarget::Height(2), |_| {}).await);
        assert_eq!(fork.ours.header.height, fork.theirs.header.height);
        drop(both);

        // The same when the second header is shown only later.
        let dir = tempfile::tempdir().unwrap();
        let first = client(in_dir(dir.path()), &nodes[..1], transport).await;
        first.until(2, |_| {}).await.unwrap();
        drop(first);
        let later = client(in_dir(dir.path()), &nodes[1..], transport).await;
        let fork = assert_fork(later.once(OnceTarget::Latest, |_| {}).await);
        assert_eq!((fork.ours, fork.theirs), (world.at(2).unwrap().header, world.equivocation(2)));
    }
}

#[tokio::test]
async fn other_networks_are_refused() {
    let world = World::honest(&[SMALL]);
    let foreign = Config { network_id: Some(1), ..impatient() };
    let client = client(foreign, &nodes(&world, &[Lies::default()]), Transport::Memory).await;
    assert!(matches!(client.once(OnceTarget::Latest, |_| {}).await, Err(LightError::NoBlock { .. })));
    assert!(client.nodes().reports()[0].lies > 0);
}

#[tokio::test]
async fn trust_on_first_use_is_said_and_kept() {
    for transport in BOTH {
        let world = World::honest(&[SMALL]);
        let dir = tempfile::tempdir().unwrap();
        let unsure = Config { trusted: None, network_id: None, ..in_dir(dir.path()) };
        let honest = nodes(&world, &[Lies::default(), Lies::default()]);
        let told = |event: &ProgressEvent| matches!(event, ProgressEvent::TrustedOnFirstUse { kept: true, .. });
        for first in [true, false] {
            let client = client(unsure.clone(), &honest, transport).await;
            let outcome = once(&client, OnceTarget::Latest).await;
            assert_eq!(outcome.judgement().verdict, Verdict::Available);
            assert_eq!(outcome.events.iter().any(told), first);
            assert_eq!(client.store().anchor().unwrap().source, TrustSource::FirstUse);
        }
        let other = Config { trusted: Some(Address::repeat_byte(5)), ..unsure.clone() };
        let client_of_other = client(other, &honest, transport).await;
        let refused = client_of_other.once(OnceTarget::Latest, |_| {}).await;
        assert!(matches!(refused, Err(LightError::Trust(TrustError::OtherSigner { .. }))), "{refused:?}");
        drop(client_of_other);

        let liars = nodes(&world, &[Lies::default(), Lies { other_signer: true, ..Lies::default() }]);
        let nowhere = Config { data_dir: None, ..unsure };
        let refused = client(nowhere.clone(), &liars, transport).await.once(OnceTarget::Latest, |_| {}).await;
        assert!(matches!(refused, Err(LightError::Trust(TrustError::Disagreement { .. }))), "{refused:?}");
        // A configured address settles it.
        let sure = Config { trusted: config().trusted, ..nowhere };
        let outcome = once(&client(sure, &liars, transport).await, OnceTarget::Latest).await;
        assert_eq!(outcome.judgement().verdict, Verdict::Available);
        assert_eq!((outcome.nodes[0].lies, outcome.nodes[1].lies), (0, 1));
    }
}

#[tokio::test]
async fn the_first_block_is_awaited_for_a_bounded_time() {
    for transport in BOTH {
        let world = World::new();
        let patient = client(impatient(), &nodes(&world, &[Lies::default()]), transport).await;
        let started = Instant::now();
        let error = patient.once(OnceTarget::Latest, |_| {}).await.unwrap_err();
        assert!(matches!(error, LightError::NoBlock { .. }), "{error}");
        assert!((Duration::from_millis(500)..Duration::from_secs(3)).contains(&started.elapsed()));

        let later = world.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(150)).await;
            later.publish(SMALL);
        });
        let outcome = once(&patient, OnceTarget::Latest).await;
        assert_eq!(outcome.judgement().height, 1);
        assert!(outcome.events.iter().any(|event| matches!(event, ProgressEvent::Waiting { .. })));
    }
}

#[tokio::test]
async fn no_node_is_an_error_that_names_them() {
    let nobody = Config { network_id: None, da_urls: vec!["http://127.0.0.1:1".to_owned()], ..impatient() };
    let error = weft_light::run_once(nobody, OnceTarget::Latest, |_| {}).await.unwrap_err();
    assert!(matches!(error, LightError::NoNode { .. }));
    assert!(error.to_string().contains("http://127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn a_stream_that_stays_behind_is_left_for_another_node() {
    for transport in BOTH {
        let world = World::honest(&[SMALL]);
        let deaf = Lies { stall_subscriptions: true, ..Lies::default() };
        let client = client(config(), &nodes(&world, &[deaf, Lies::default()]), transport).await;
        let later = world.clone();
        tokio::spawn(async move {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                later.publish(SMALL);
            }
        });
        let summary = client.until(4, |_| {}).await.unwrap();
        assert_eq!((summary.judged_now, summary.totals.available), (4, 4));
    }
}

#[tokio::test]
async fn a_checkpoint_starts_in_the_middle() {
    let world = World::honest(&[SMALL; 5]);
    let dir = tempfile::tempdir().unwrap();
    let from_third = Config { start_height: Some(3), ..in_dir(dir.path()) };
    let client = client(from_third, &nodes(&world, &[Lies::default()]), Transport::Memory).await;
    let error = client.until(2, |_| {}).await.unwrap_err();
    assert!(matches!(error, LightError::Config(_)), "{error}");
    let summary = client.until(5, |_| {}).await.unwrap();
    assert_eq!((summary.judged_now, summary.totals.lowest_confidence), (3, 1.0));
    assert_eq!(client.store().get(2), None);
}
