//! Withdrawals: the tree that the withdrawals contract keeps, its leaves and proofs.
//!
//! The contract ([`CONTRACT`], `settlement/contracts/Withdrawals.sol`) appends
//! a leaf for each withdrawal to a keccak Merkle tree of depth 32 and keeps
//! count and root in its storage. A root is cumulative: a withdrawal is proved
//! against any later one. Leaves and inner nodes begin with different bytes, so
//! that none is taken for the other.
//!
//! Only complete subtrees are ever kept ([`append`]); what stands right of the
//! last leaf is empty, and the root of an empty subtree is a constant of its
//! level ([`EMPTY`]).

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, Bytes, Log, U256, address, b256, hex, keccak256};

use crate::codec::{DecodeError, Reader};

/// Where the withdrawals contract stands ("WEFT" in ASCII, and 1).
pub const CONTRACT: Address = address!("5745465400000000000000000000000000000001");

/// Slot of the contract's storage that holds the number of withdrawals.
pub const COUNT_SLOT: U256 = U256::ZERO;

/// Slot of the contract's storage that holds the root; zero while there are no withdrawals.
pub const ROOT_SLOT: U256 = U256::ONE;

/// First of the [`DEPTH`] slots of the contract's storage that hold, from the leaves up, the newest complete subtree of
/// each height that is a left child.
pub const BRANCH_SLOT: U256 = U256::from_limbs([2, 0, 0, 0]);

/// Depth of the tree.
pub const DEPTH: usize = 32;

/// First topic of the contract's event: `Withdrawal(uint64,address,address,uint256)`.
pub const EVENT: B256 = b256!("9e72c130ab39d99546a6d67849456d8c56f48834a09ac44a39a77d622a6750c9");

/// The contract's runtime code.
pub static CODE: LazyLock<Bytes> = LazyLock::new(|| {
    let text = include_str!("../../../settlement/contracts/Withdrawals.hex");
    hex::decode(text.trim_ascii()).unwrap_or_default().into()
});

/// Roots of the empty subtrees of each height, from that of a missing leaf on.
pub static EMPTY: LazyLock<[B256; DEPTH + 1]> = LazyLock::new(|| {
    let mut roots = [B256::ZERO; DEPTH + 1];
    for height in 0..DEPTH {
        roots[height + 1] = join(roots[height], roots[height]);
    }
    roots
});

/// One withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Its place in the tree.
    pub index: u64,
    /// Who withdrew, on the rollup.
    pub sender: Address,
    /// Account of settlement that is to be paid.
    pub recipient: Address,
    /// In wei.
    pub amount: u128,
}

/// The tree after some block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Withdrawals since genesis.
    pub count: u64,
    /// Root of the tree; zero while there are none.
    pub root: B256,
}

/// The siblings from a leaf up to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof(pub [B256; DEPTH]);

/// A withdrawal that is to be paid, proved against a final commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The batch whose commitment has the root.
    pub batch_index: u64,
    /// What is claimed.
    pub withdrawal: Withdrawal,
    /// That it is in the tree.
    pub proof: Proof,
}

impl Claim {
    /// Length of the encoding in bytes.
    pub const ENCODED_LEN: usize = 8 + Withdrawal::ENCODED_LEN + 32 * DEPTH;

    /// Whether the tree with this summary has the withdrawal.
    pub fn holds(&self, tree: Summary) -> bool {
        let index = self.withdrawal.index;
        index < tree.count && self.proof.root(index, self.withdrawal.leaf()) == tree.root
    }

    /// `batch_index (8) || withdrawal || siblings (32 each), from the leaf's up`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::ENCODED_LEN);
        out.extend_from_slice(&self.batch_index.to_be_bytes());
        out.extend(self.withdrawal.encode());
        self.proof.0.iter().for_each(|sibling| out.extend_from_slice(sibling.as_slice()));
        out
    }

    /// Inverse of [`Claim::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let batch_index = reader.u64("batch index")?;
        let withdrawal = Withdrawal::decode(reader.take("withdrawal", Withdrawal::ENCODED_LEN)?)?;
        let mut proof = Proof([B256::ZERO; DEPTH]);
        for sibling in &mut proof.0 {
            *sibling = reader.b256("sibling")?;
        }
        reader.finish()?;
        Ok(Self { batch_index, withdrawal, proof })
    }
}

impl Withdrawal {
    /// Length of the encoding in bytes.
    pub const ENCODED_LEN: usize = 8 + 20 + 20 + 32;

    /// `index (8) || sender (20) || recipient (20) || amount (32)`, big-endian, as Solidity packs it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::ENCODED_LEN);
        out.extend_from_slice(&self.index.to_be_bytes());
        out.extend_from_slice(self.sender.as_slice());
        out.extend_from_slice(self.recipient.as_slice());
        out.extend_from_slice(&U256::from(self.amount).to_be_bytes::<32>());
        out
    }

    /// Inverse of [`Withdrawal::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let index = reader.u64("withdrawal index")?;
        let (sender, recipient) = (reader.address("sender")?, reader.address("recipient")?);
        let above = DecodeError::Invalid { field: "amount", why: "above 128 bits" };
        let amount =
            reader.b256("amount").and_then(|word| u128::try_from(U256::from_be_bytes(word.0)).or(Err(above)))?;
        reader.finish()?;
        Ok(Self { index, sender, recipient, amount })
    }

    /// The leaf: keccak256 of a zero byte and the encoding.
    pub fn leaf(&self) -> B256 {
        keccak256([&[0][..], &self.encode()].concat())
    }

    /// What one of the contract's events says; `None` for any other.
    pub fn from_log(log: &Log) -> Option<Self> {
        let [event, index, sender, recipient] = log.topics() else { return None };
        if log.address != CONTRACT || *event != EVENT {
            return None;
        }
        Some(Self {
            index: U256::from_be_bytes(index.0).try_into().ok()?,
            sender: Address::from_word(*sender),
            recipient: Address::from_word(*recipient),
            amount: U256::try_from_be_slice(&log.data.data)?.try_into().ok()?,
        })
    }
}

/// An inner node: keccak256 of a one byte and both children.
pub fn join(left: B256, right: B256) -> B256 {
    keccak256([&[1][..], left.as_slice(), right.as_slice()].concat())
}

impl Proof {
    /// The root that it leads to from a leaf.
    pub fn root(&self, index: u64, leaf: B256) -> B256 {
        (0..DEPTH).zip(self.0).fold(leaf, |node, (level, sibling)| match (index >> level) & 1 {
            0 => join(node, sibling),
            _ => join(sibling, node),
        })
    }
}

/// Root of the subtree of height `level` that is the `position`-th from the left, in a tree of `count` leaves.
/// `node` gives those of complete subtrees, leaves included.
fn subtree<E>(
    count: u64,
    level: usize,
    position: u64,
    node: &mut impl FnMut(usize, u64) -> Result<B256, E>,
) -> Result<B256, E> {
    let (first, last) = (u128::from(position) << level, u128::from(position + 1) << level);
    if first >= u128::from(count) {
        return Ok(EMPTY[level]);
    }
    if last <= u128::from(count) {
        return node(level, position);
    }
    let left = subtree(count, level - 1, 2 * position, node)?;
    Ok(join(left, subtree(count, level - 1, 2 * position + 1, node)?))
}

/// The proof of the leaf at `index` in the tree of the first `count` leaves; `index` is below `count`.
///
/// `node(level, position)` gives the root of a complete subtree, as [`append`] has told it.
pub fn prove<E>(count: u64, index: u64, mut node: impl FnMut(usize, u64) -> Result<B256, E>) -> Result<Proof, E> {
    let mut proof = Proof([B256::ZERO; DEPTH]);
    for level in 0..DEPTH {
        proof.0[level] = subtree(count, level, (index >> level) ^ 1, &mut node)?;
    }
    Ok(proof)
}

/// The complete subtrees that a new leaf completes, the leaf first: height, position and root. `node` as in [`prove`].
pub fn append<E>(
    withdrawal: &Withdrawal,
    mut node: impl FnMut(usize, u64) -> Result<B256, E>,
) -> Result<Vec<(usize, u64, B256)>, E> {
    let (mut position, mut root) = (withdrawal.index, withdrawal.leaf());
    let mut complete = vec![(0, position, root)];
    for level in 1..DEPTH {
        if position & 1 == 0 {
            break;
        }
        root = join(node(level - 1, position - 1)?, root);
        position >>= 1;
        complete.push((level, position, root));
    }
    Ok(complete)
}

/// The complete subtrees that the first `count` leaves consist of, as height and position: all that proofs of later
/// leaves take of them. The contract has them, each the newest of its height.
pub fn frontier(count: u64) -> impl Iterator<Item = (usize, u64)> {
    (0..DEPTH).filter(move |level| (count >> level) & 1 == 1).map(move |level| (level, (count >> level) - 1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use alloy_primitives::LogData;
    use proptest::prelude::*;

    use super::*;

    fn withdrawal(index: u64) -> Withdrawal {
        let amount = 1_000 + u128::from(index);
        Withdrawal { index, sender: Address::repeat_byte(0x51), recipient: Address::repeat_byte(0x52), amount }
    }

    /// The tree from all leaves at once.
    fn rebuilt(leaves: &[B256]) -> B256 {
        let mut row = leaves.to_vec();
        for empty in &EMPTY[..DEPTH] {
            row = row.chunks(2).map(|pair| join(pair[0], *pair.get(1).unwrap_or(empty))).collect();
        }
        row.first().copied().unwrap_or(EMPTY[DEPTH])
    }

    #[derive(Default)]
    struct Kept(BTreeMap<(usize, u64), B256>);

    impl Kept {
        fn node(&self, level: usize, position: u64) -> Result<B256, Infallible> {
            Ok(self.0[&(level, position)])
        }

        fn append(&mut self, index: u64) {
            let complete = append(&withdrawal(index), |level, position| self.node(level, position)).unwrap();
            self.0.extend(complete.into_iter().map(|(level, position, root)| ((level, position), root)));
        }
    }

    #[test]
    fn golden() {
        assert_eq!(EVENT, keccak256("Withdrawal(uint64,address,address,uint256)"));
        assert!(CODE.len() > 1_000);
        assert_eq!(EMPTY[DEPTH].to_string(), "0x7c1d0e8a93ea9c09cc13b91ead8f72de66a33cb695c30934dc2d75bffac1248e");
        assert_eq!(
            withdrawal(0).leaf().to_string(),
            "0x6be69fe3444b41f9e5ab2926e1dd39f3d1b6875ff5b8af899fa711de86764466"
        );
        let leaves: Vec<B256> = (0..3).map(|index| withdrawal(index).leaf()).collect();
        assert_eq!(rebuilt(&leaves).to_string(), "0x229a56ef6069dd3fa1e8ffed5e9af82260840dfac7ccd09ef5dff39ab357d339");
    }

    #[test]
    fn events_are_read_strictly() {
        let one = Withdrawal { index: 258, ..withdrawal(1) };
        let topics = vec![EVENT, U256::from(258).into(), one.sender.into_word(), one.recipient.into_word()];
        let data = Bytes::from(U256::from(one.amount).to_be_bytes::<32>());
        let log = Log { address: CONTRACT, data: LogData::new_unchecked(topics.clone(), data.clone()) };
        assert_eq!(Withdrawal::from_log(&log), Some(one));
        assert_eq!(Withdrawal::decode(&one.encode()), Ok(one));
        let other =
            |address, topics: &[B256]| Log { address, data: LogData::new_unchecked(topics.to_vec(), data.clone()) };
        assert_eq!(Withdrawal::from_log(&other(Address::ZERO, &topics)), None);
        assert_eq!(Withdrawal::from_log(&other(CONTRACT, &topics[..3])), None);
        assert_eq!(Withdrawal::from_log(&other(CONTRACT, &[&[B256::ZERO], &topics[1..]].concat())), None);
    }

    proptest! {
        #[test]
        fn every_leaf_is_proved_in_every_later_tree(count in 1u64..80, later in 0u64..80, at: prop::sample::Index) {
            let mut kept = Kept::default();
            (0..count + later).for_each(|index| kept.append(index));
            let leaves: Vec<B256> = (0..count).map(|index| withdrawal(index).leaf()).collect();
            let (index, root) = (at.index(leaves.len()), rebuilt(&leaves));
            let proof = prove(count, index as u64, |level, position| kept.node(level, position)).unwrap();
            prop_assert_eq!(proof.root(index as u64, leaves[index]), root);
            let claim = Claim { batch_index: 3, withdrawal: withdrawal(index as u64), proof };
            let (tree, shorter) = (Summary { count, root }, Summary { count: index as u64, root });
            prop_assert_eq!((claim.holds(tree), claim.holds(shorter)), (true, false));
            prop_assert_eq!(claim.encode().len(), Claim::ENCODED_LEN);
            prop_assert_eq!(Claim::decode(&claim.encode()), Ok(claim));
            // Nothing else is proved: another place, another leaf, a node as a leaf, a place beyond the last.
            prop_assert_ne!(proof.root(index as u64 ^ 1, leaves[index]), root);
            prop_assert_ne!(proof.root(index as u64, withdrawal(count).leaf()), root);
            let mut shorter = proof;
            shorter.0.rotate_left(1);
            prop_assert_ne!(shorter.root(index as u64 >> 1, join(leaves[index], proof.0[0])), root);
            let beyond = prove(count, count, |level, position| kept.node(level, position)).unwrap();
            prop_assert_ne!(beyond.root(count, withdrawal(count).leaf()), root);
        }

        #[test]
        fn later_leaves_are_proved_with_the_frontier_alone(before in 0u64..80, later in 1u64..40) {
            let mut whole = Kept::default();
            (0..before).for_each(|index| whole.append(index));
            let mut begun = Kept(frontier(before).map(|node| (node, whole.0[&node])).collect());
            for index in before..before + later {
                whole.append(index);
                begun.append(index);
            }
            let count = before + later;
            for index in before..count {
                let of = |kept: &Kept| prove(count, index, |level, position| kept.node(level, position)).unwrap();
                prop_assert_eq!(of(&begun), of(&whole));
            }
        }

        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(withdrawal) = Withdrawal::decode(&bytes) {
                prop_assert_eq!(withdrawal.encode(), bytes);
            }
        }
    }
}
