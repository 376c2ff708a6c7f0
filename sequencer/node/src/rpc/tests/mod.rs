//! The server over real sockets: a sequencer in memory whose blocks are made by hand, asked by HTTP and WebSocket.
#![allow(clippy::unwrap_used)]

mod access;
mod accounts;
mod calls;
mod development;
mod filters;
mod limits;
mod proofs;
mod rollbacks;
mod shapes;
mod stats;
mod submit;
mod subscriptions;
mod traces;
mod websocket;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, hex};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use weft_primitives::Transaction;
use weft_service::Shutdown;

use crate::backend::Backend;
use crate::chain::FullBlock;
use crate::config::RpcConfig;
use crate::rpc::{self, ServeError};
use crate::store::MemoryKv;
use crate::testing::{self, CHAIN_ID, GWEI, TestNode, sign, signer};
use websocket::WebSocket;

/// An error as the client sees it.
#[derive(Debug, PartialEq)]
struct Refusal {
    code: i64,
    message: String,
    data: Value,
}

/// A server and what it serves.
struct Server {
    node: TestNode,
    address: SocketAddr,
    http: reqwest::Client,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    async fn start() -> Self {
        Self::with(RpcConfig::default()).await
    }

    async fn with(rpc: RpcConfig) -> Self {
        let config = crate::config::Config { rpc, ..testing::config() };
        Self::over(testing::open(Arc::new(MemoryKv::default()), &config)).await
    }

    async fn over(node: TestNode) -> Self {
        let (address, shutdown, task) = serve(node.backend.clone()).await;
        Self { node, address, http: reqwest::Client::new(), shutdown, task }
    }

    async fn post(&self, body: &Value) -> Value {
        let answer = self.http.post(format!("http://{}", self.address)).json(body).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn ask(&self, method: &str, params: Value) -> Result<Value, Refusal> {
        answer(self.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })).await)
    }

    async fn get(&self, method: &str, params: Value) -> Value {
        self.ask(method, params).await.unwrap_or_else(|error| panic!("{method}: {error:?}"))
    }

    async fn refused(&self, method: &str, params: Value) -> Refusal {
        match self.ask(method, params).await {
            Err(refusal) => refusal,
            Ok(value) => panic!("{method} answered {value}"),
        }
    }

    async fn websocket(&self) -> WebSocket {
        WebSocket::connect(self.address).await
    }

    fn block(&mut self, transactions: &[Transaction]) -> Arc<FullBlock> {
        self.node.block(transactions).unwrap()
    }

    /// Deploys [`contract`] in a block of its own.
    fn deploy(&mut self) -> Address {
        let fields = TxEip1559 { to: TxKind::Create, input: contract(), gas_limit: 300_000, ..fields(0) };
        let full = self.block(&[sign(&signer(8), fields)]);
        assert!(full.receipts[0].success);
        full.receipts[0].contract_address.unwrap()
    }

    async fn stop(self) {
        self.shutdown.trigger();
        self.task.await.unwrap().unwrap();
    }
}

/// Serves what is behind `backend` on a port of its own.
async fn serve(backend: Backend) -> (SocketAddr, Shutdown, JoinHandle<Result<(), ServeError>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
    (address, shutdown.clone(), tokio::spawn(rpc::serve(backend, listener, shutdown)))
}

fn answer(mut answer: Value) -> Result<Value, Refusal> {
    match answer.get("error") {
        None => Ok(answer["result"].take()),
        Some(error) => Err(Refusal {
            code: error["code"].as_i64().unwrap(),
            message: error["message"].as_str().unwrap().to_owned(),
            data: error.get("data").cloned().unwrap_or_default(),
        }),
    }
}

fn fields(nonce: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: 3 * GWEI,
        max_priority_fee_per_gas: GWEI,
        ..TxEip1559::default()
    }
}

/// Calls a contract from the account that deployed it.
fn poke(to: Address, nonce: u64) -> Transaction {
    sign(&signer(8), TxEip1559 { to: TxKind::Call(to), ..fields(nonce) })
}

/// Without call data it stores 42 in slot 0, logs 42 under topic 7 and returns 42; with call data it reverts with them.
fn contract() -> Bytes {
    let runtime = hex!("36601a57602a600055602a60005260076020 6000a160206000f35b36600060003736 6000fd");
    let deploy = hex!("6025600c60003960256000f3");
    [&deploy[..], &runtime].concat().into()
}

fn topic() -> B256 {
    B256::with_last_byte(7)
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn number(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().strip_prefix("0x").unwrap(), 16).unwrap()
}
