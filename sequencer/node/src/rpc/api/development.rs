//! What Hardhat and others ask of a developer's own node: transactions of unlocked accounts, and which chain this is.
//!
//! Served by `weft dev` alone, whose accounts' keys everyone knows. Invariant: transactions of one account that are sent
//! here at once get nonces without gap or double. Deliberately absent: anything that makes up state, time or blocks
//! ([`absent`](crate::rpc::absent)).

use alloy_consensus::{SignableTransaction, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bytes, Signature, eip191_hash_message, keccak256};
use alloy_rpc_types_eth::TransactionRequest;
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use serde::Serialize;
use tokio::sync::Mutex;
use weft_primitives::Signer;

use super::call::CallServer;
use super::fee::FeeServer;
use super::state::StateServer;
use super::{Context, Inner};
use crate::admission::Gap;
use crate::config;
use crate::rpc::error::RpcError;

/// Methods of a development node.
#[rpc(server)]
pub trait Development {
    /// Which chain this is; Hardhat Ignition asks wherever the chain id is 31337, to tell a new chain from an old one.
    #[method(name = "hardhat_metadata")]
    async fn metadata(&self) -> Result<Metadata, RpcError>;

    /// Whether transactions are put into a block as they come; always.
    #[method(name = "hardhat_getAutomine")]
    fn automine(&self) -> Result<bool, RpcError>;

    /// Fills in what a transaction leaves open, signs it for one of the accounts, and puts it into the pool; its hash.
    #[method(name = "eth_sendTransaction")]
    async fn send_transaction(&self, request: TransactionRequest) -> Result<B256, RpcError>;

    /// A message signed by one of the accounts (EIP-191).
    #[method(name = "eth_sign")]
    fn sign(&self, account: Address, message: Bytes) -> Result<Bytes, RpcError>;

    /// The same, with the parameters the other way round.
    #[method(name = "personal_sign")]
    fn personal_sign(&self, message: Bytes, account: Address) -> Result<Bytes, RpcError>;
}

/// As Hardhat defines it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    client_version: &'static str,
    chain_id: u64,
    /// The same as long as it is the same chain: a new one has a new key for its commitments.
    instance_id: B256,
    latest_block_number: u64,
    latest_block_hash: B256,
}

/// Signs for accounts.
pub struct Unlocked {
    context: Context,
    accounts: Vec<Signer>,
    /// Held from the choice of a nonce until the transaction is in the pool.
    sending: Mutex<()>,
}

impl Unlocked {
    /// For the accounts of a configuration.
    pub fn new(context: Context, own: &config::Development) -> Self {
        Self { context, accounts: own.accounts.clone(), sending: Mutex::default() }
    }

    fn signer(&self, account: Address) -> Result<&Signer, RpcError> {
        let known = self.accounts.iter().find(|signer| signer.address() == account);
        known.ok_or_else(|| RpcError::Refused(format!("unknown account {account}: eth_accounts has those that are")))
    }

    fn sign_message(&self, account: Address, message: &[u8]) -> Result<Bytes, RpcError> {
        Ok(self.signer(account)?.sign(eip191_hash_message(message)).0.to_vec().into())
    }

    /// Gas, fees and chain id, where they are not given.
    async fn filled(&self, mut request: TransactionRequest) -> Result<TransactionRequest, RpcError> {
        request.input = request.input.into_input().unwrap_or_default().into();
        request.chain_id = Some(self.context.backend.dialect().rules().chain_id());
        if request.to.is_none() {
            request.to = Some(alloy_primitives::TxKind::Create);
        }
        if request.gas_price.is_none() {
            let tip = match request.max_priority_fee_per_gas {
                Some(tip) => tip,
                None => self.context.max_priority_fee_per_gas().await?.saturating_to(),
            };
            // Twice the price, so that it is enough for blocks that come meanwhile.
            let price: u128 = self.context.gas_price().await?.saturating_to();
            let most = *request.max_fee_per_gas.get_or_insert(price.saturating_mul(2).saturating_add(tip));
            request.max_priority_fee_per_gas = Some(tip.min(most));
        }
        if request.gas.is_none() {
            let gas = self.context.estimate_gas(request.clone(), None, None, None).await?;
            request.gas = Some(gas.to());
        }
        Ok(request)
    }
}

#[async_trait]
impl DevelopmentServer for Unlocked {
    async fn metadata(&self) -> Result<Metadata, RpcError> {
        let metadata = |inner: &Inner| {
            let number = inner.backend.heads().latest;
            let full = inner.blocks.get(number)?.ok_or(RpcError::NoBlock)?;
            let signer = inner.backend.signer().ok_or_else(|| RpcError::internal("a sequencer without a key"))?;
            Ok(Metadata {
                client_version: weft_service::VERSION,
                chain_id: inner.backend.dialect().rules().chain_id(),
                instance_id: keccak256(signer),
                latest_block_number: number,
                latest_block_hash: full.block.hash,
            })
        };
        self.context.read(metadata).await
    }

    fn automine(&self) -> Result<bool, RpcError> {
        Ok(true)
    }

    async fn send_transaction(&self, request: TransactionRequest) -> Result<B256, RpcError> {
        let from = request.from.ok_or_else(|| RpcError::params("from is missing: one of eth_accounts"))?;
        let signer = self.signer(from)?;
        let mut request = self.filled(request).await?;
        let _sending = self.sending.lock().await;
        if request.nonce.is_none() {
            let pending = Some(BlockId::Number(BlockNumberOrTag::Pending));
            request.nonce = Some(StateServer::nonce(&self.context, from, pending).await?.to());
        }
        let open = |_| RpcError::params("no transaction: its fields do not go together");
        let transaction = request.build_typed_tx().map_err(open)?;
        let hash = transaction.signature_hash();
        let signature = Signature::from_raw(&signer.sign(hash).0).map_err(RpcError::internal)?;
        let raw = TxEnvelope::from(transaction.into_signed(signature)).encoded_2718();
        Ok(self.context.backend.submit(raw.into(), Gap::Wait).await?)
    }

    fn sign(&self, account: Address, message: Bytes) -> Result<Bytes, RpcError> {
        self.sign_message(account, &message)
    }

    fn personal_sign(&self, message: Bytes, account: Address) -> Result<Bytes, RpcError> {
        self.sign_message(account, &message)
    }
}
