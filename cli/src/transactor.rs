//! Builds, signs and sends transactions over Ethereum JSON-RPC.

use std::path::Path;
use std::time::Duration;

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use serde_json::{Value, json};
use weft_primitives::Signer;
use weft_primitives::transaction::{Envelope, encode};

use crate::args::Sender;
use crate::dev_accounts;
use crate::output::Failure;
use crate::secrets;

/// Longest time for one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// A JSON-RPC endpoint.
#[derive(Clone, Debug)]
pub struct Rpc {
    url: String,
    http: reqwest::Client,
}

impl Rpc {
    /// At a `http://` URL.
    pub fn new(url: &str) -> Result<Self, Failure> {
        Ok(Self { url: url.to_owned(), http: reqwest::Client::builder().timeout(CALL_TIMEOUT).build()? })
    }

    /// One call.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, Failure> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let unreachable =
            |error: reqwest::Error| Failure(format!("{}: {error} (is a sequencer running there?)", self.url));
        let answer = self.http.post(&self.url).json(&body).send().await.map_err(unreachable)?;
        let mut answer: Value = answer.json().await.map_err(unreachable)?;
        match answer.get("error") {
            Some(error) => Err(Failure(error["message"].as_str().unwrap_or("unknown error").to_owned())),
            None => Ok(answer["result"].take()),
        }
    }

    async fn quantity(&self, method: &str, params: Value) -> Result<u64, Failure> {
        let value = self.call(method, params).await?;
        let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
        let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        number.ok_or_else(|| Failure(format!("{method} answered {value}, not a quantity")))
    }

    /// Chain id.
    pub async fn chain_id(&self) -> Result<u64, Failure> {
        self.quantity("eth_chainId", json!([])).await
    }

    /// The next free nonce of an account.
    pub async fn nonce(&self, address: Address) -> Result<u64, Failure> {
        self.quantity("eth_getTransactionCount", json!([address, "pending"])).await
    }

    /// Wei a gas that a transaction should offer at most, with this tip.
    pub async fn max_fee(&self, tip: u128) -> Result<u128, Failure> {
        Ok(2 * u128::from(self.quantity("eth_gasPrice", json!([])).await?) + tip)
    }

    /// An ether transfer with the next free nonce, signed.
    pub async fn transfer(&self, sender: &Sender, to: Address, value: U256) -> Result<Bytes, Failure> {
        self.call_with_value(sender, to, value, Bytes::new()).await
    }

    /// A call with the next free nonce, signed.
    pub async fn call_with_value(
        &self,
        sender: &Sender,
        to: Address,
        value: U256,
        input: Bytes,
    ) -> Result<Bytes, Failure> {
        let signer = signer(sender.from, sender.key_file.as_deref())?;
        let call = json!({ "from": signer.address(), "to": to, "value": value, "data": input });
        let tip: u128 = sender.priority_fee.saturating_to();
        let transaction = TxEip1559 {
            chain_id: self.chain_id().await?,
            nonce: self.nonce(signer.address()).await?,
            gas_limit: self.quantity("eth_estimateGas", json!([call])).await?,
            max_fee_per_gas: self.max_fee(tip).await?,
            max_priority_fee_per_gas: tip,
            to: TxKind::Call(to),
            value,
            input,
            ..TxEip1559::default()
        };
        sign(&signer, transaction)
    }
}

/// Signs a transaction.
pub fn sign(signer: &Signer, transaction: TxEip1559) -> Result<Bytes, Failure> {
    let signature = Signature::from_raw(&signer.sign(transaction.signature_hash()).0)?;
    Ok(encode(&Envelope::from(transaction.into_signed(signature))))
}

/// The key of a file, or of a development account, or in the environment.
pub fn signer(from: Option<usize>, key_file: Option<&Path>) -> Result<Signer, Failure> {
    match key_file {
        Some(path) => secrets::load(path),
        None => match (from, secrets::from_environment()?) {
            (None, Some(signer)) => Ok(signer),
            (number, _) => dev_accounts::signer(number.unwrap_or(0))
                .ok_or_else(|| Failure("--from: the development accounts are 0 to 9".to_owned())),
        },
    }
}
