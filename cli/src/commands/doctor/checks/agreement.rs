//! Whether services that were looked at together fit together.

use super::super::finding::Finding;
use super::super::plan::Plan;
use super::keys;
use super::peers::Answer;
use crate::args::ServiceName;

/// Compares the plans with each other, and with those that run.
pub fn check(plans: &[Plan], running: &[Option<Answer>]) -> Vec<Finding> {
    let plan = |service| plans.iter().find(|plan| plan.service == service);
    let answer = |service| {
        let at = plans.iter().position(|plan| plan.service == service)?;
        running[at].as_ref()
    };
    let mut findings = Vec::new();
    let mut same = |service, words: &str, fix: &str, pair: Option<(String, String)>| {
        if let Some((ours, theirs)) = pair
            && ours != theirs
        {
            findings.push(Finding::problem("agreement", service, format!("{words}: {ours} and {theirs}"), fix));
        }
    };
    let sequencer = plan(ServiceName::Sequencer);
    let poster = sequencer
        .and_then(keys::address)
        .or_else(|| answer(ServiceName::Sequencer).and_then(|answer| answer.signer))
        .map(|address| address.to_string());
    let expected = plan(ServiceName::Settlement)
        .and_then(|plan| plan.sequencer)
        .or_else(|| answer(ServiceName::Settlement).and_then(|answer| answer.signer))
        .map(|address| address.to_string());
    same(
        "settlement",
        "the sequencer's key and the one whose commitments settlement takes differ",
        "correct --sequencer-address of settlement or --key-file of the sequencer; after a key change both are right if \
         `weft settlement status` names the sequencer's key",
        poster.zip(expected),
    );
    let signer = plan(ServiceName::Da)
        .and_then(keys::address)
        .or_else(|| answer(ServiceName::Da).and_then(|answer| answer.signer))
        .map(|address| address.to_string());
    let da_address = |service| {
        let configured =
            plan(service)?.peers.iter().find_map(|peer| peer.signer.filter(|_| peer.service == ServiceName::Da));
        configured.or_else(|| answer(service)?.da_signer).map(|address| address.to_string())
    };
    for service in [ServiceName::Settlement, ServiceName::Light] {
        let words = "the DA node's key and the one whose headers are taken differ";
        let fix = "correct --da-address, or --key-file of the DA node";
        same(service.name(), words, fix, signer.clone().zip(da_address(service)));
    }
    for service in [ServiceName::Settlement, ServiceName::Node] {
        let chain = |service| {
            let configured = plan(service).and_then(|plan| plan.chain_id);
            configured.or_else(|| answer(service)?.chain_ids.first().copied()).map(|id| id.to_string())
        };
        let fix = "give all the same --genesis";
        same(service.name(), "chain ids differ", fix, chain(ServiceName::Sequencer).zip(chain(service)));
    }
    findings
}
