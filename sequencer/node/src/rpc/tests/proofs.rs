//! Proofs under our own state root, now and in the past.

use weft_state::{Proof, TreeKey};

use super::*;
use crate::testing::transfer;

fn verified(leaf: &Value, root: B256) -> Option<B256> {
    let bytes = |field: &str| hex::decode(leaf[field].as_str().unwrap()).unwrap();
    let (key, proof) = (TreeKey::new(&bytes("key")).unwrap(), Proof::decode(&bytes("proof")).unwrap());
    let value = proof.verify(root, &key).unwrap().map(B256::from);
    assert_eq!(leaf["value"], json!(value));
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_proved_at_every_block_that_is_kept() {
    let mut config = testing::config();
    config.limits.history_blocks = 5;
    let mut server = Server::over(testing::open(Arc::new(MemoryKv::default()), &config)).await;
    let to = Address::repeat_byte(0x77);
    for nonce in 0..7 {
        server.node.block(&[transfer(1, nonce)]).unwrap();
    }
    let mut seen = BTreeSet::new();
    for number in 2..=7 {
        let tag = format!("{number:#x}");
        let block = server.get("eth_getBlockByNumber", json!([tag, false])).await;
        let proof = server.get("weft_getProof", json!([to, ["0x5"], tag])).await;
        assert_eq!((&proof["stateRoot"], &proof["blockHash"]), (&block["stateRoot"], &block["hash"]));
        let root: B256 = serde_json::from_value(proof["stateRoot"].clone()).unwrap();
        seen.insert(verified(&proof["basicData"], root).unwrap());
        assert_eq!(verified(&proof["delegation"], root), None);
        assert_eq!(verified(&proof["storage"][0], root), None);
    }
    assert_eq!(seen.len(), 6, "another balance in each block");
    let refused = server.refused("weft_getProof", json!([to, [], "0x1"])).await;
    assert!(refused.message.contains("not kept"), "{refused:?}");
    let nobody = server.get("weft_getProof", json!([Address::repeat_byte(0x78)])).await;
    let root: B256 = serde_json::from_value(nobody["stateRoot"].clone()).unwrap();
    assert_eq!(verified(&nobody["basicData"], root), None);
}
