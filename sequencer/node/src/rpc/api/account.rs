//! The transactions of an account: `weft_getAccountTransactions`.

use alloy_primitives::{Address, B256, FixedBytes, U64};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use serde::{Deserialize, Serialize};

use super::Context;
use crate::accounts::{self, DEFAULT_PAGE, MAX_PAGE, Page, Touching};
use crate::rpc::error::RpcError;
use crate::store::{Kinds, Place};

/// The place before which a page begins: block (8), position there (4).
type Cursor = FixedBytes<12>;

/// Which page.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Paging {
    /// What came with the page before; the newest if absent.
    cursor: Option<Cursor>,
    /// Most transactions, from 1 to 100; 25 if absent.
    limit: Option<U64>,
}

/// A transaction that the account has to do with.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    hash: B256,
    block_number: U64,
    transaction_index: U64,
    /// Seconds.
    block_timestamp: U64,
    /// `sent`, `received` (it is the recipient), `created` (it is the new contract), `token` (a `Transfer` event of ERC-20
    /// or ERC-721 names it): one or more of them.
    kinds: Vec<&'static str>,
}

/// A page of an account's transactions.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transactions {
    /// The newest first.
    transactions: Vec<Entry>,
    /// All blocks from this one on were looked at; of those before nothing is known yet.
    complete_from: U64,
    /// To be asked with for the next page; absent after the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<Cursor>,
}

/// `weft_*` about accounts.
#[rpc(server, namespace = "weft")]
pub trait Account {
    /// The transactions that an account has to do with, the newest first, of any age, page by page.
    #[method(name = "getAccountTransactions")]
    async fn account_transactions(&self, address: Address, paging: Option<Paging>) -> Result<Transactions, RpcError>;
}

fn cursor(place: Place) -> Cursor {
    let mut cursor = Cursor::ZERO;
    cursor[..8].copy_from_slice(&place.number.to_be_bytes());
    cursor[8..].copy_from_slice(&place.index.to_be_bytes());
    cursor
}

fn place(cursor: Cursor) -> Place {
    let (number, index) = (cursor.0[..8].iter(), cursor.0[8..].iter());
    Place {
        number: number.fold(0, |number, byte| number << 8 | u64::from(*byte)),
        index: index.fold(0, |index, byte| index << 8 | u32::from(*byte)),
    }
}

const KINDS: [(Kinds, &str); 4] =
    [(Kinds::SENT, "sent"), (Kinds::RECEIVED, "received"), (Kinds::CREATED, "created"), (Kinds::TOKEN, "token")];

impl From<Touching> for Entry {
    fn from(touching: Touching) -> Self {
        let Touching { hash, place, timestamp_s, kinds } = touching;
        Self {
            hash,
            block_number: U64::from(place.number),
            transaction_index: U64::from(place.index),
            block_timestamp: U64::from(timestamp_s),
            kinds: KINDS.into_iter().filter(|(kind, _)| kinds.has(*kind)).map(|(_, name)| name).collect(),
        }
    }
}

impl From<Page> for Transactions {
    fn from(page: Page) -> Self {
        Self {
            transactions: page.transactions.into_iter().map(Entry::from).collect(),
            complete_from: U64::from(page.complete_from),
            cursor: page.next.map(cursor),
        }
    }
}

#[async_trait]
impl AccountServer for Context {
    async fn account_transactions(&self, address: Address, paging: Option<Paging>) -> Result<Transactions, RpcError> {
        let Paging { cursor, limit } = paging.unwrap_or_default();
        let limit = limit.map_or(DEFAULT_PAGE, |limit| usize::try_from(limit.to::<u64>()).unwrap_or(usize::MAX));
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(RpcError::params(format_args!("limit {limit} is not from 1 to {MAX_PAGE}")));
        }
        let before = cursor.map(place);
        let page =
            self.read(move |inner| accounts::page(&inner.backend, &address, before, limit).map_err(RpcError::internal));
        let none = || RpcError::Unsupported("this node keeps no index by account (index_accounts)".to_owned());
        page.await?.map(Transactions::from).ok_or_else(none)
    }
}
