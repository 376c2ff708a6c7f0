//! Block access lists (EIP-7928): what a block's transactions touch, and what they leave there.
//!
//! A list says of each account that a transaction loaded which slots were read,
//! and for all that changed the values after each transaction that changed it.
//! Both executors write it down when asked ([`builder`]), from what revm has
//! loaded: so what a reverted call or a failed transaction has touched counts,
//! and what an access list (EIP-2930) merely names does not. A transaction that
//! is not part of the block leaves no trace; the others are numbered from 1 on.
//! Index 0 is what was done before them.
//!
//! Whoever has a right list can execute every transaction on its own, on the
//! state before the block and the list's values before it, and sees at once
//! whether the list is right ([`by_list`]): nothing has to be guessed or done
//! twice. A list is as long as the block and as honest as who made it, so
//! everything about it is checked.
//!
//! `BLOCKHASH` is answered from the state here, but for Ethereum it is no access
//! to the state; so it is not in the list.

mod builder;
mod by_list;
mod check;
mod codec;
mod database;
mod effect;
mod join;
mod plan;
mod wrong;

pub use alloy_eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, BlockAccessList, CodeChange, NonceChange, SlotChanges,
    StorageChange,
};
pub(crate) use builder::{Builder, transact};
pub(crate) use by_list::{ByList, Prior, by_list};
pub use codec::{decode, encode, hash};
pub use wrong::WrongList;
