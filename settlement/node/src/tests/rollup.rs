//! A sequencer for the tests: executes transfers, publishes batches, signs commitments.

use std::sync::Arc;

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use tokio::net::TcpListener;
use weft_execution::{BlockBuilder, World, block::Parent};
use weft_primitives::batch::{Batch, BatchBlock, Level};
use weft_primitives::inbox::accumulate;
use weft_primitives::transaction::{Envelope, encode};
use weft_primitives::{B256, BatchHeader, ChainConfig, InboxItem, Namespace, SignedBatch, Signer, Transaction};
use weft_service::Shutdown;
use weft_wire::SettlementClient;

use super::da::{self, Da};

pub(super) const CHAIN_ID: u64 = 7;
const GWEI: u128 = 1_000_000_000;

pub(super) fn sequencer() -> Signer {
    Signer::from_bytes([0x5e; 32]).unwrap()
}

/// Has money.
pub(super) fn alice() -> Signer {
    Signer::from_bytes([1; 32]).unwrap()
}

pub(super) fn chain() -> ChainConfig {
    chain_of(CHAIN_ID)
}

pub(super) fn chain_of(chain_id: u64) -> ChainConfig {
    let text = format!(
        r#"{{"config":{{"chainId":{chain_id},"pragueTime":0,"osakaTime":0,"weft":{{"minBaseFeePerGas":1000000000}}}},
            "gasLimit":"0x1c9c380","difficulty":"0x0","alloc":{{"{}":{{"balance":"0xd3c21bcecceda1000000"}}}}}}"#,
        alice().address()
    );
    ChainConfig::from_json(&text).unwrap()
}

pub(super) fn transfer(nonce: u64) -> Bytes {
    transfer_of(CHAIN_ID, nonce)
}

fn transfer_of(chain_id: u64, nonce: u64) -> Bytes {
    let unsigned = TxEip1559 {
        chain_id,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 3 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to: TxKind::Call(Address::repeat_byte(nonce as u8 | 1)),
        value: U256::from(7),
        ..TxEip1559::default()
    };
    let signature = Signature::from_raw(&alice().sign(unsigned.signature_hash()).0).unwrap();
    encode(&Envelope::from(unsigned.into_signed(signature)))
}

/// A rollup, its DA node, and where the next batch starts.
pub(super) struct Rollup {
    pub(super) da: Arc<Da>,
    pub(super) da_url: String,
    pub(super) da_stop: Shutdown,
    chain: ChainConfig,
    world: World,
    head: Parent,
    nonce: u64,
    next_index: u64,
    /// Epoch of the commitments.
    pub(super) epoch: u64,
    commitment: B256,
    inbox: Vec<InboxItem>,
    inbox_acc: B256,
}

/// A batch that was published, not yet posted.
pub(super) struct Published {
    pub(super) header: BatchHeader,
}

impl Published {
    pub(super) fn sign(self) -> SignedBatch {
        self.header.sign(&sequencer())
    }
}

impl Rollup {
    /// With a DA node that is running.
    pub(super) async fn start() -> Self {
        Self::start_of(chain()).await
    }

    /// The same for another chain.
    pub(super) async fn start_of(chain: ChainConfig) -> Self {
        let rollup = Self::of(chain).await;
        let address = rollup.da_url.strip_prefix("http://").unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        drop(da::serve(rollup.da.clone(), listener, rollup.da_stop.clone()));
        rollup
    }

    /// With a DA node that may be started later at `da_url`.
    pub(super) async fn without_da() -> Self {
        Self::of(chain()).await
    }

    /// The same for another chain.
    pub(super) async fn of(chain: ChainConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let da_url = format!("http://{}", listener.local_addr().unwrap());
        let (world, header, _) = World::genesis(&chain).unwrap();
        Self {
            da: Arc::default(),
            da_url,
            da_stop: Shutdown::new(),
            chain,
            world,
            head: Parent::new(header),
            nonce: 0,
            next_index: 0,
            epoch: 0,
            commitment: B256::ZERO,
            inbox: Vec::new(),
            inbox_acc: B256::ZERO,
        }
    }

    pub(super) fn next_nonce(&mut self) -> u64 {
        self.nonce += 1;
        self.nonce - 1
    }

    /// Two blocks with a transfer each; the first takes all new inbox items. Not yet part of this rollup's chain.
    pub(super) async fn batch(&mut self, client: &SettlementClient) -> (Batch, BatchHeader) {
        let from = self.inbox.len() as u64;
        let tip = client.tip().await.unwrap();
        let items = client.inbox(from, 1_000).await.unwrap();
        self.inbox_acc = items.iter().fold(self.inbox_acc, accumulate);
        let pre_state_root = self.head.header.state_root;
        let first_block = self.head.header.number + 1;
        let mut batch = Batch { chain_id: self.chain.chain_id(), first_block, inbox_from: from, blocks: Vec::new() };
        let (mut tx_count, mut gas_used) = (0, 0);
        for number in 0..2 {
            let timestamp = first_block + number;
            let mut builder = BlockBuilder::new(&self.chain, &self.head, timestamp, &self.world).unwrap();
            if number == 0 {
                items.iter().for_each(|item| builder.inbox_item(item).unwrap());
            }
            self.nonce += 1;
            let chain_id = self.chain.chain_id();
            let raw = transfer_of(chain_id, self.nonce - 1);
            builder.transaction(Transaction::decode(raw, chain_id).unwrap()).unwrap().unwrap();
            let sealed = builder.finish().seal(&self.chain, &self.head, &mut self.world).unwrap();
            let transactions = sealed.body.sequenced().iter().map(|transaction| transaction.raw().clone()).collect();
            batch.blocks.push(BatchBlock { timestamp, inbox_count: sealed.body.inbox_count, transactions });
            tx_count += sealed.body.transactions.len() as u64;
            gas_used += sealed.header.gas_used;
            self.head = Parent { header: sealed.header, hash: sealed.hash };
        }
        self.inbox.extend(items);
        let header = BatchHeader {
            version: 1,
            chain_id: self.chain.chain_id(),
            config_hash: self.chain.hash(),
            batch_index: self.next_index,
            parent_commitment: self.commitment,
            first_block,
            last_block: self.head.header.number,
            last_block_hash: self.head.hash,
            first_timestamp: first_block,
            last_timestamp: self.head.header.timestamp,
            pre_state_root,
            post_state_root: self.head.header.state_root,
            inbox_from: from,
            inbox_to: self.inbox.len() as u64,
            inbox_acc: self.inbox_acc,
            anchor_seq: tip.log.0,
            anchor_hash: tip.log.1,
            leader_epoch: self.epoch,
            tx_count,
            gas_used,
            ..BatchHeader::default()
        };
        (batch, header)
    }

    /// Puts a payload on DA and fills in where it is.
    pub(super) fn publish(&self, header: BatchHeader, payload: &[u8]) -> Published {
        let place = self.da.put(Namespace::for_chain(self.chain.chain_id()), payload);
        let header = BatchHeader { da_height: place.height, da_data_root: place.data_root, ..header };
        Published { header: naming(header, payload) }
    }

    /// Makes, publishes and signs an honest batch.
    pub(super) async fn next(&mut self, client: &SettlementClient) -> SignedBatch {
        let (batch, header) = self.batch(client).await;
        let signed = self.publish(header, &batch.encode(Level::FASTEST).unwrap()).sign();
        self.advance(&signed);
        signed
    }

    /// The next batch builds on this commitment.
    pub(super) fn advance(&mut self, signed: &SignedBatch) {
        self.commitment = signed.header.hash();
        self.next_index = signed.header.batch_index + 1;
    }
}

/// The header for this payload.
pub(super) fn naming(header: BatchHeader, payload: &[u8]) -> BatchHeader {
    let payload_hash = weft_da::blob_hash(payload);
    BatchHeader { payload_hash, payload_len: payload.len() as u64, ..header }
}
