//! Requests about forced batches and about value: what has to be looked up, and the decision.

use weft_primitives::withdrawal::Claim;
use weft_primitives::{BatchHeader, Deposit, Funding};
use weft_settlement::{BridgeRefusal, Chain, Credited, ForceRefusal, InboxReceipt, PostReceipt};

use super::{Decided, Engine, MAX_TRIES};
use crate::store::StoreError;

impl Engine {
    pub(super) async fn force(&mut self, header: &BatchHeader) -> Decided<PostReceipt, ForceRefusal> {
        for _ in 0..MAX_TRIES {
            self.refresh().await?;
            let facts = self.store.facts(&header.clone().forced()).await?;
            let mut act = |chain: &mut Chain, now_ms, out: &mut _| chain.force(now_ms, header, &facts, out);
            match self.try_decide(&mut None, &mut act).await {
                Err(StoreError::Conflict) => {}
                other => return other,
            }
        }
        Err(StoreError::Conflict)
    }

    pub(super) async fn fund(&mut self, funding: &Funding) -> Decided<Credited, BridgeRefusal> {
        for _ in 0..MAX_TRIES {
            self.refresh().await?;
            let account = self.store.account(funding.account).await?;
            let mut act = |chain: &mut Chain, now_ms, out: &mut _| chain.fund(now_ms, funding, account, out);
            match self.try_decide(&mut None, &mut act).await {
                Err(StoreError::Conflict) => {}
                other => return other,
            }
        }
        Err(StoreError::Conflict)
    }

    pub(super) async fn deposit(&mut self, deposit: &Deposit) -> Decided<InboxReceipt, BridgeRefusal> {
        for _ in 0..MAX_TRIES {
            self.refresh().await?;
            let account = self.store.account(deposit.account).await?;
            let mut act = |chain: &mut Chain, now_ms, out: &mut _| chain.deposit(now_ms, deposit, account, out);
            match self.try_decide(&mut None, &mut act).await {
                Err(StoreError::Conflict) => {}
                other => return other,
            }
        }
        Err(StoreError::Conflict)
    }

    pub(super) async fn claim(&mut self, claim: &Claim) -> Decided<Credited, BridgeRefusal> {
        for _ in 0..MAX_TRIES {
            self.refresh().await?;
            let facts = self.store.claim_facts(claim).await?;
            let mut act = |chain: &mut Chain, now_ms, out: &mut _| chain.claim(now_ms, claim, &facts, out);
            match self.try_decide(&mut None, &mut act).await {
                Err(StoreError::Conflict) => {}
                other => return other,
            }
        }
        Err(StoreError::Conflict)
    }
}
