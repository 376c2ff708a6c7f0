//! Payments, made where the block is committed.
//!
//! A payment between accounts without code takes two lookups and some additions:
//! less than it takes to hand it to another thread and back.

use super::candidate::Transfer;
use super::cell::Hint;
use super::changed::Changed;
use super::memory::Memory;
use crate::view::{Missing, StateView};

impl<V: StateView + ?Sized> Memory<'_, V> {
    /// Makes a payment part of the block, in which all before it are. False if it is none after all, because of what
    /// the accounts are, or if it cannot be made: then nothing has changed.
    pub(super) fn pay(
        &self,
        transfer: &Transfer,
        (from, to): (u32, u32),
        changed: &mut Changed,
    ) -> Result<bool, Missing> {
        let Transfer { sender, value, most, cost, .. } = *transfer;
        // Only the committer ever holds two places.
        let mut payee = self.room.accounts.place(to).change();
        let mut payer = self.room.accounts.place(from).change();
        if !payee.is_known() || !payer.is_known() {
            self.wanted.more();
            self.known(to, &mut payee)?;
            self.known(from, &mut payer)?;
        }
        let can_pay = payer.may_send() && payer.nonce() == sender.nonce && payer.balance() >= most;
        let (true, Hint::Bare, Some(held)) = (can_pay, payee.hint(), payee.balance().checked_add(value)) else {
            self.wanted.more();
            return Ok(false);
        };
        let left = payer.balance() - cost;
        payer.pay(left);
        payee.receive(held);
        self.noted(from, &payer, changed).paid(left, payer.nonce());
        self.noted(to, &payee, changed).received(held);
        Ok(true)
    }
}
