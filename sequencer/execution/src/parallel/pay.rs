//! Payments, made where the block is committed.
//!
//! A payment between accounts without code takes two lookups and some additions:
//! less than it takes to hand it to another thread and back.

use super::candidate::Transfer;
use super::changed::{Changed, note_moved};
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
        let (payee_cell, payer_cell) = (self.room.accounts.place(to), self.room.accounts.place(from));
        let (mut payee, mut payer) = (payee_cell.change(), payer_cell.change());
        if payee.value.is_none() || payer.value.is_none() {
            self.wanted.more();
        }
        let payee = self.load(to, payee_cell, &mut payee)?;
        let payer = self.load(from, payer_cell, &mut payer)?;
        let can_pay = payer.may_send() && payer.nonce == sender.nonce && payer.balance >= most;
        let (true, None, Some(held)) = (can_pay, &payee.code, payee.balance.checked_add(value)) else {
            self.wanted.more();
            return Ok(false);
        };
        payer.pay(payer.balance - cost);
        payee.receive(held);
        note_moved(self.noted(from, payer_cell, Some(payer), changed), payer);
        note_moved(self.noted(to, payee_cell, Some(payee), changed), payee);
        Ok(true)
    }
}
