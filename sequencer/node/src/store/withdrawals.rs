//! The withdrawals tree: its leaves, and the complete subtrees that proofs are made of.

use std::collections::BTreeMap;

use weft_primitives::withdrawal::{Proof, append, prove};
use weft_primitives::{B256, Withdrawal};

use super::chain::{number_key, number_of, put};
use super::{ChainStore, Family, NewBlock, StoreError, Write};

/// Complete subtrees that are not on disk yet, by height and position.
pub(super) type Nodes = BTreeMap<(usize, u64), B256>;

/// A withdrawal with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedWithdrawal {
    /// What was withdrawn.
    pub withdrawal: Withdrawal,
    /// The block that did it.
    pub block: u64,
    /// That it is in the tree that was asked for.
    pub proof: Proof,
}

fn node_key(height: usize, position: u64) -> Vec<u8> {
    [&[height as u8][..], &number_key(position)].concat()
}

pub(super) fn put_node((height, position, root): (usize, u64, B256)) -> Write {
    put(Family::WithdrawalNode, node_key(height, position), root.to_vec())
}

impl ChainStore {
    /// What a block's withdrawals add to the tree. `nodes` are those of the blocks that are written with it.
    pub(super) fn write_withdrawals(
        &self,
        new: &NewBlock<'_>,
        nodes: &mut Nodes,
        writes: &mut Vec<Write>,
    ) -> Result<(), StoreError> {
        let logs = new.receipts.iter().flat_map(|receipt| &receipt.logs);
        for withdrawal in logs.filter_map(Withdrawal::from_log) {
            let complete = append(&withdrawal, |height, position| match nodes.get(&(height, position)) {
                Some(root) => Ok(*root),
                None => self.withdrawal_node(height, position),
            })?;
            for (height, position, root) in complete {
                nodes.insert((height, position), root);
                writes.push(put_node((height, position, root)));
            }
            let record = [&withdrawal.encode()[..], &number_key(new.block.header.number)].concat();
            writes.push(put(Family::Withdrawal, number_key(withdrawal.index), record));
        }
        Ok(())
    }

    fn withdrawal_node(&self, height: usize, position: u64) -> Result<B256, StoreError> {
        let damaged = StoreError::Damaged { what: "withdrawals tree" };
        let bytes = self.kv.get(Family::WithdrawalNode, &node_key(height, position))?;
        bytes.and_then(|bytes| B256::try_from(&bytes[..]).ok()).ok_or(damaged)
    }

    /// A withdrawal, and the proof that it is in the tree of the first `count`. `None`: it is not.
    pub fn withdrawal(&self, index: u64, count: u64) -> Result<Option<ProvedWithdrawal>, StoreError> {
        if index >= count {
            return Ok(None);
        }
        let damaged = || StoreError::Damaged { what: "withdrawal" };
        let Some(bytes) = self.kv.get(Family::Withdrawal, &number_key(index))? else { return Ok(None) };
        let (withdrawal, block) = bytes.split_at_checked(Withdrawal::ENCODED_LEN).ok_or_else(damaged)?;
        let withdrawal = Withdrawal::decode(withdrawal).map_err(|_| damaged())?;
        let proof = prove(count, index, |height, position| self.withdrawal_node(height, position))?;
        Ok(Some(ProvedWithdrawal { withdrawal, block: number_of(block)?, proof }))
    }
}
