//! Blocks executed once more: what is told of them is what their receipts say.

use alloy_primitives::U256;

use super::*;
use crate::trace::{Block, Bounds, Geth, GethDebugTracingOptions, GethTrace, Parity, TraceError, TraceType};

const NEVER: Bounds<'_> = Bounds { max_bytes: 16 << 20, stop: &|| false };

fn options(json: &str) -> GethDebugTracingOptions {
    serde_json::from_str(json).unwrap()
}

/// A block, and the node before it.
fn sealed() -> (Node, Sealed) {
    let mut node = Node::new();
    let transactions = vec![
        transfer(&signer(1), 0, Address::repeat_byte(0x55), 7),
        call(&signer(1), 1, contracts::STORE.0, words(1, 9)),
        call(&signer(3), 0, contracts::REVERT.0, words(8, 9)),
        call(&signer(2), 0, contracts::LOG.0, words(5, 0)),
    ];
    let (sealed, skipped) = node.block(transactions);
    assert!(skipped.is_empty());
    (Node::new(), sealed)
}

fn block<'a>(node: &'a Node, sealed: &'a Sealed) -> Block<'a, World> {
    Block {
        rules: &node.chain,
        header: &sealed.header,
        transactions: &sealed.body.transactions,
        deposits: &[],
        view: &node.world,
    }
}

#[test]
fn steps_calls_and_state() {
    let (node, sealed) = sealed();
    let block = block(&node, &sealed);
    let steps = block.geth(&Geth::new(&options("{}")).unwrap(), None, &NEVER).unwrap();
    for (trace, receipt) in steps.iter().zip(&sealed.receipts) {
        let GethTrace::Default(frame) = trace else { panic!("{trace:?}") };
        assert_eq!((frame.gas, frame.failed), (receipt.gas_used, !receipt.success));
    }
    let calls = Geth::new(&options(r#"{"tracer":"callTracer","tracerConfig":{"withLog":true}}"#)).unwrap();
    let told = block.geth(&calls, None, &NEVER).unwrap();
    assert_eq!(told.len(), 4);
    for (trace, receipt) in told.iter().zip(&sealed.receipts) {
        let GethTrace::CallTracer(frame) = trace else { panic!("{trace:?}") };
        assert_eq!(frame.gas_used, U256::from(receipt.gas_used));
        assert_eq!((frame.from, frame.error.is_none()), (receipt.from, receipt.success));
        assert_eq!(frame.logs.len(), receipt.logs.len());
    }
    // One alone is as it is among all.
    assert_eq!(block.geth(&calls, Some(3), &NEVER).unwrap(), told[3..]);
    let state = Geth::new(&options(r#"{"tracer":"prestateTracer","tracerConfig":{"diffMode":true}}"#)).unwrap();
    let told = block.geth(&state, Some(1), &NEVER).unwrap();
    let GethTrace::PreStateTracer(frame) = &told[0] else { panic!("{told:?}") };
    let diff = frame.as_diff().unwrap();
    assert_eq!(diff.post[&contracts::STORE.0].storage[&word(1)], word(9));
    assert!(!diff.post.contains_key(&Address::repeat_byte(0x55)), "the transaction before");
    let parity = block.parity(&Parity::new([TraceType::Trace, TraceType::StateDiff]), None, &NEVER).unwrap();
    assert_eq!(parity.len(), 4);
    assert!(parity[2].trace[0].error.is_some() && parity[1].trace[0].error.is_none());
}

fn word(value: u64) -> B256 {
    B256::from(U256::from(value))
}

#[test]
fn bounds_and_what_is_not_here() {
    let mut node = Node::new();
    let (sealed, _) = node.block(vec![call(&signer(1), 0, contracts::LOOP.0, Bytes::new())]);
    let node = Node::new();
    let block = block(&node, &sealed);
    let steps = Geth::new(&options("{}")).unwrap();
    let small = Bounds { max_bytes: 1 << 20, stop: &|| false };
    assert!(matches!(block.geth(&steps, None, &small), Err(TraceError::TooLarge(1_048_576))));
    let late = Bounds { max_bytes: usize::MAX, stop: &|| true };
    assert!(matches!(block.geth(&steps, None, &late), Err(TraceError::Stopped)));
    // Nothing is written down of steps for this one, but time counts.
    let calls = Geth::new(&options(r#"{"tracer":"callTracer"}"#)).unwrap();
    assert!(block.geth(&calls, None, &small).is_ok());
    let asked = std::cell::Cell::new(0);
    let stop = || asked.replace(asked.get() + 1) > 3;
    let late = Bounds { max_bytes: usize::MAX, stop: &stop };
    assert!(matches!(block.geth(&calls, None, &late), Err(TraceError::Stopped)));
    for script in [r#"{"tracer":"{step: function() {}}"}"#, r#"{"tracer":"muxTracer"}"#] {
        assert!(matches!(Geth::new(&options(script)), Err(TraceError::Unsupported(_))), "{script}");
    }
}
