//! Batches, and what bounds a client.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::testing::transfer;

fn request(id: u64, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

#[tokio::test(flavor = "multi_thread")]
async fn batches() {
    let server = Server::start().await;
    // A hundred transfers of one account, in order, as one batch.
    let batch: Vec<Value> =
        (0..100).map(|nonce| request(nonce, "eth_sendRawTransaction", json!([transfer(1, nonce).raw()]))).collect();
    let answers = server.post(&json!(batch)).await;
    for (nonce, answer) in (0..).zip(answers.as_array().unwrap()) {
        assert_eq!((&answer["id"], &answer["result"]), (&json!(nonce), &json!(transfer(1, nonce).hash())));
    }
    assert_eq!(server.node.backend.pool().counts().pending, 100);
    let mixed = json!([
        request(1, "eth_chainId", json!([])),
        request(2, "eth_nothing", json!([])),
        { "jsonrpc": "2.0", "method": "eth_chainId", "params": [] },
        3,
        request(4, "eth_getBalance", json!(["0x1"])),
    ]);
    let answers = server.post(&mixed).await;
    let codes: Vec<_> = answers.as_array().unwrap().iter().map(|answer| answer["error"]["code"].as_i64()).collect();
    assert_eq!(codes, [None, Some(-32_601), Some(-32_600), Some(-32_602)]);
    assert_eq!(server.post(&json!([])).await["error"]["code"], -32_600);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_at_once() {
    let rpc = RpcConfig { max_batch: 3, max_body_bytes: 2_000, max_response_bytes: 3_000, ..RpcConfig::default() };
    let mut server = Server::with(rpc).await;
    server.block(&[transfer(1, 0), transfer(2, 0), transfer(3, 0), transfer(4, 0)]);
    let batch: Vec<Value> = (0..4).map(|id| request(id, "eth_chainId", json!([]))).collect();
    let refusal = answer(server.post(&json!(batch)).await).unwrap_err();
    assert_eq!((refusal.code, &refusal.data), (-32_010, &json!("Exceeded max limit of 3")));
    let refusal = answer(server.post(&request(1, "web3_sha3", json!(["0x".to_owned() + &"00".repeat(2_000)]))).await);
    assert_eq!(refusal.unwrap_err().code, -32_007);
    let refusal = server.refused("eth_getBlockByNumber", json!(["latest", true])).await;
    assert_eq!(refusal.code, -32_008);
    assert_eq!(server.get("eth_blockNumber", json!([])).await, "0x1");
    let mut client = server.websocket().await;
    client.send(&request(1, "web3_sha3", json!(["0x".to_owned() + &"00".repeat(2_000)]))).await;
    assert_eq!(client.receive().await.unwrap()["error"]["code"], -32_007);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted() {
    let server = Server::with(RpcConfig { max_connections: 2, ..RpcConfig::default() }).await;
    let mut first = server.websocket().await;
    let second = server.websocket().await;
    let mut third = TcpStream::connect(server.address).await.unwrap();
    let mut text = String::new();
    third.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 503") && text.contains("rpc.max_connections"), "{text}");
    assert_eq!(first.ask("eth_chainId", json!([])).await, Ok(json!("0x7")));
    drop(second);
    // Its place is free as soon as the server has seen the end.
    for _ in 0..100 {
        if server.http.post(format!("http://{}", server.address)).body("").send().await.is_ok_and(|a| a.status() != 503)
        {
            return server.stop().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the slot of a closed connection is not given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_on_one_websocket() {
    let server = Server::start().await;
    let mut client = server.websocket().await;
    // More than may run at once, sent before anything is read.
    for id in 0..1_000 {
        client.send(&request(id, "eth_getBalance", json!([Address::ZERO]))).await;
    }
    let mut ids = BTreeSet::new();
    for _ in 0..1_000 {
        let message = client.receive().await.unwrap();
        assert_eq!(message["result"], "0x0");
        ids.insert(message["id"].as_u64().unwrap());
    }
    assert_eq!(ids.len(), 1_000);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_let_in_by_origin() {
    let preflight = |server: &Server, origin: &str| {
        server
            .http
            .request(reqwest::Method::OPTIONS, format!("http://{}", server.address))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type")
            .send()
    };
    let open = Server::start().await;
    let answer = preflight(&open, "https://anyone.example").await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    open.stop().await;
    let closed = Server::with(RpcConfig { cors: vec!["https://app.example".to_owned()], ..RpcConfig::default() }).await;
    let answer = preflight(&closed, "https://app.example").await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://app.example");
    let answer = preflight(&closed, "https://other.example").await.unwrap();
    assert!(answer.headers().get("access-control-allow-origin").is_none());
    closed.stop().await;
    let node = testing::open(
        Arc::new(MemoryKv::default()),
        &crate::config::Config {
            rpc: RpcConfig { cors: vec!["\n".to_owned()], ..RpcConfig::default() },
            ..testing::config()
        },
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = rpc::serve(node.backend, listener, Shutdown::new()).await.unwrap_err();
    assert!(error.to_string().contains("rpc.cors"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_json_rpc() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\n{{{{")
        .await
        .unwrap();
    let mut head = [0; 15];
    stream.read_exact(&mut head).await.unwrap();
    assert!(head.starts_with(b"HTTP/1.1 "));
    let get = server.http.get(format!("http://{}", server.address)).send().await.unwrap();
    assert_eq!(get.status(), 405);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_measured_under_bounded_names() {
    let server = Server::start().await;
    weft_service::telemetry::metrics();
    server.get("eth_chainId", json!([])).await;
    server.refused("eth_surely_not_a_method", json!([])).await;
    let text = weft_service::telemetry::metrics().render();
    assert!(text.contains(r#"weft_rpc_requests_total{method="eth_chainId"}"#), "{text}");
    assert!(text.contains(r#"weft_rpc_errors_total{method="unknown",code="-32601"}"#), "{text}");
    assert!(!text.contains("surely"));
    server.stop().await;
}
