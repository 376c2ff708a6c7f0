//! Deposits, fundings and claims.

use weft_primitives::withdrawal::{Claim, DEPTH, Proof};
use weft_primitives::{Deposit, Funding, U256, Withdrawal};

use super::field::{WireError, address, bytes, hashes, required, signature, u128, wei};
use crate::pb::settlement::v1 as pb;

impl From<&Deposit> for pb::Deposit {
    fn from(deposit: &Deposit) -> Self {
        Self {
            account: bytes(deposit.account),
            nonce: deposit.nonce,
            to: bytes(deposit.to),
            amount: wei(U256::from(deposit.amount)),
            signature: bytes(deposit.signature.0),
        }
    }
}

impl TryFrom<pb::Deposit> for Deposit {
    type Error = WireError;

    fn try_from(deposit: pb::Deposit) -> Result<Self, WireError> {
        Ok(Self {
            account: address("account", &deposit.account)?,
            nonce: deposit.nonce,
            to: address("to", &deposit.to)?,
            amount: u128("amount", &deposit.amount)?,
            signature: signature("signature", &deposit.signature)?,
        })
    }
}

impl From<&Funding> for pb::Funding {
    fn from(funding: &Funding) -> Self {
        Self {
            number: funding.number,
            account: bytes(funding.account),
            amount: wei(U256::from(funding.amount)),
            signature: bytes(funding.signature.0),
        }
    }
}

impl TryFrom<pb::Funding> for Funding {
    type Error = WireError;

    fn try_from(funding: pb::Funding) -> Result<Self, WireError> {
        Ok(Self {
            number: funding.number,
            account: address("account", &funding.account)?,
            amount: u128("amount", &funding.amount)?,
            signature: signature("signature", &funding.signature)?,
        })
    }
}

impl From<&Withdrawal> for pb::Withdrawal {
    fn from(withdrawal: &Withdrawal) -> Self {
        Self {
            index: withdrawal.index,
            sender: bytes(withdrawal.sender),
            recipient: bytes(withdrawal.recipient),
            amount: wei(U256::from(withdrawal.amount)),
        }
    }
}

impl TryFrom<pb::Withdrawal> for Withdrawal {
    type Error = WireError;

    fn try_from(withdrawal: pb::Withdrawal) -> Result<Self, WireError> {
        Ok(Self {
            index: withdrawal.index,
            sender: address("sender", &withdrawal.sender)?,
            recipient: address("recipient", &withdrawal.recipient)?,
            amount: u128("amount", &withdrawal.amount)?,
        })
    }
}

impl From<&Claim> for pb::Claim {
    fn from(claim: &Claim) -> Self {
        Self {
            batch_index: claim.batch_index,
            withdrawal: Some((&claim.withdrawal).into()),
            proof: claim.proof.0.iter().map(bytes).collect(),
        }
    }
}

impl TryFrom<pb::Claim> for Claim {
    type Error = WireError;

    fn try_from(claim: pb::Claim) -> Result<Self, WireError> {
        let siblings = hashes("proof", &claim.proof)?;
        let depth = |_| WireError::new("proof", format!("must have {DEPTH} hashes"));
        Ok(Self {
            batch_index: claim.batch_index,
            withdrawal: required("withdrawal", claim.withdrawal)?.try_into()?,
            proof: Proof(siblings.try_into().map_err(depth)?),
        })
    }
}
