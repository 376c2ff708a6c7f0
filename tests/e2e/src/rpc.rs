//! A small Ethereum JSON-RPC client.

use std::time::Duration;

use serde_json::{Value, json};

/// Calls one endpoint.
#[derive(Debug, Clone)]
pub struct Rpc {
    url: String,
    http: reqwest::Client,
}

/// Why there is no result.
#[derive(Debug)]
pub enum RpcError {
    /// The server could not be reached or broke off.
    Transport(String),
    /// The server's answer is an error.
    Server {
        /// JSON-RPC code.
        code: i64,
        /// For people.
        message: String,
        /// More, where there is more.
        data: Value,
    },
}

impl Rpc {
    /// For a `http://` URL.
    pub fn new(url: impl Into<String>) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(15)).build().expect("client builds");
        Self { url: url.into(), http }
    }

    /// One call.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let transport = |error: reqwest::Error| RpcError::Transport(error.to_string());
        let response = self.http.post(&self.url).json(&body).send().await.map_err(transport)?;
        let mut answer: Value = response.json().await.map_err(transport)?;
        match answer.get("error") {
            None => Ok(answer["result"].take()),
            Some(error) => Err(RpcError::Server {
                code: error["code"].as_i64().unwrap_or_default(),
                message: error["message"].as_str().unwrap_or_default().to_owned(),
                data: error["data"].clone(),
            }),
        }
    }

    /// The height of the newest block.
    pub async fn block_number(&self) -> Result<u64, RpcError> {
        Ok(quantity(&self.call("eth_blockNumber", json!([])).await?))
    }
}

/// A JSON-RPC quantity; 0 for anything else.
pub fn quantity(value: &Value) -> u64 {
    value.as_str().and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()).unwrap_or_default()
}
