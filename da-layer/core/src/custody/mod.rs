//! Which rows of a block lie where, when several nodes share the custody of a network.
//!
//! Rows are spread by rendezvous hashing: for each row every member draws a
//! number that nobody can choose, and the members with the highest have it. Who
//! knows the members knows where a row lies, and when one comes or goes only
//! its share moves. A member that has verified and stored all rows of its share
//! says so ([`Attestation`]); with the word of two thirds a block is certified
//! ([`Certificate`]).
//!
//! What a certificate is worth: while less than a third of the members lie,
//! more than a third of them did store what they signed for. With [`DEFAULT_COPIES`]
//! copies that is some 55 % of the rows, and a quarter rebuilds the block.
//! Nobody needs to believe this: a light client samples all the same.

mod attestation;
mod certificate;

use alloy_primitives::{Address, B256};

pub use attestation::{ATTESTATION_BYTES, Attestation, AttestationFault};
pub use certificate::{Certificate, CertificateFault, VerifiedCertificate};

use crate::hash::{CUSTODY_DRAW, MEMBERS_CONTEXT, derived};
use crate::shape::Shape;

/// Most members of a custody.
pub const MAX_MEMBERS: usize = 128;

/// Members that have each row, unless configured otherwise.
pub const DEFAULT_COPIES: u8 = 2;

/// The nodes that share the custody of a network, and how many of them have each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    addresses: Vec<Address>,
    copies: u8,
}

/// Why addresses are not the members of a custody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembersError {
    /// None, or too many.
    #[error("{0} members of a custody; 1 to {MAX_MEMBERS} are allowed")]
    Count(usize),
    /// One of them twice.
    #[error("{0} is a member twice")]
    Twice(Address),
    /// No copy of a row, or more than there are members.
    #[error("{copies} copies of each row among {members} members")]
    Copies {
        /// Copies wanted.
        copies: u8,
        /// Members.
        members: usize,
    },
}

impl Members {
    /// Members in any order, of which `copies` have each row.
    pub fn new(mut addresses: Vec<Address>, copies: u8) -> Result<Self, MembersError> {
        let members = addresses.len();
        if members == 0 || members > MAX_MEMBERS {
            return Err(MembersError::Count(members));
        }
        if copies == 0 || usize::from(copies) > members {
            return Err(MembersError::Copies { copies, members });
        }
        addresses.sort_unstable();
        if let Some(twice) = addresses.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(MembersError::Twice(twice[0]));
        }
        Ok(Self { addresses, copies })
    }

    /// In order.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Members that have each row.
    pub const fn copies(&self) -> u8 {
        self.copies
    }

    /// Place of a member.
    pub fn position(&self, member: &Address) -> Option<usize> {
        self.addresses.binary_search(member).ok()
    }

    /// Members whose attestations certify a block: two thirds, rounded up.
    pub fn quorum(&self) -> usize {
        self.addresses.len() - self.addresses.len() / 3
    }

    /// `count (2) || addresses (20 each) || copies (1)`, hashed.
    pub fn hash(&self) -> B256 {
        let mut bytes = Vec::with_capacity(3 + self.addresses.len() * 20);
        bytes.extend_from_slice(&(self.addresses.len() as u16).to_be_bytes());
        self.addresses.iter().for_each(|address| bytes.extend_from_slice(address.as_slice()));
        bytes.push(self.copies);
        derived(MEMBERS_CONTEXT, &bytes)
    }

    /// Where the rows of the block with this row root lie.
    pub fn assign(&self, shape: &Shape, row_root: B256) -> Assignment {
        let (rows, copies) = (shape.rows(), usize::from(self.copies));
        // The best so far of each row, the highest first.
        let mut best: Vec<(u64, u16)> = vec![(0, u16::MAX); rows * copies];
        let mut numbers = vec![0; rows * 8];
        for (member, address) in (0..).zip(&self.addresses) {
            draw(row_root, address, &mut numbers);
            for (row, number) in numbers.as_chunks::<8>().0.iter().enumerate() {
                let drawn = (u64::from_le_bytes(*number), member);
                let holders = &mut best[row * copies..][..copies];
                let place =
                    holders.iter().take_while(|(other, holder)| *holder != u16::MAX && *other >= drawn.0).count();
                if place < copies {
                    holders[place..].rotate_right(1);
                    holders[place] = drawn;
                }
            }
        }
        Assignment { copies, holders: best.into_iter().map(|(_, member)| member).collect() }
    }
}

/// The numbers that a member draws for the rows of a block: 8 bytes a row of the output of BLAKE3, keyed, over
/// `row root (32) || address (20)`.
fn draw(row_root: B256, member: &Address, numbers: &mut [u8]) {
    let mut hasher = blake3::Hasher::new_keyed(CUSTODY_DRAW);
    hasher.update(row_root.as_slice());
    hasher.update(member.as_slice());
    hasher.finalize_xof().fill(numbers);
}

/// Who has which rows of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    copies: usize,
    holders: Vec<u16>,
}

impl Assignment {
    /// Places of the members that have a row, the first choice first; empty beyond the last row.
    pub fn holders(&self, row: u32) -> impl Iterator<Item = usize> + '_ {
        let start = row as usize * self.copies;
        let holders = self.holders.get(start..start + self.copies).unwrap_or(&[]);
        holders.iter().map(|member| usize::from(*member))
    }

    /// Rows that the member at this place has, ascending.
    pub fn rows_of(&self, member: usize) -> Vec<u32> {
        (0..)
            .zip(self.holders.chunks_exact(self.copies))
            .filter(|(_, holders)| holders.iter().any(|holder| usize::from(*holder) == member))
            .map(|(row, _)| row)
            .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use alloy_primitives::b256;

    use super::*;

    fn members(count: u8, copies: u8) -> Members {
        Members::new((1..=count).map(Address::repeat_byte).collect(), copies).unwrap()
    }

    fn shape() -> Shape {
        Shape::for_payload(1 << 20).unwrap()
    }

    #[test]
    fn every_row_has_its_copies_and_shares_are_even() {
        let (members, shape) = (members(7, 2), shape());
        let assignment = members.assign(&shape, B256::repeat_byte(3));
        for row in 0..shape.rows() as u32 {
            assert_eq!(assignment.holders(row).collect::<BTreeSet<_>>().len(), 2);
        }
        assert_eq!(assignment.holders(shape.rows() as u32).count(), 0);
        let even = shape.rows() * 2 / 7;
        for member in 0..7 {
            let rows = assignment.rows_of(member);
            assert!((even * 8 / 10..even * 12 / 10).contains(&rows.len()), "{} of {even}", rows.len());
            assert!(rows.iter().all(|row| assignment.holders(*row).any(|holder| holder == member)));
        }
        assert_ne!(assignment, members.assign(&shape, B256::repeat_byte(4)), "another block lies otherwise");
    }

    /// The point of rendezvous hashing.
    #[test]
    fn only_the_share_of_who_comes_or_goes_moves() {
        let (before, after, shape) = (members(6, 2), members(7, 2), shape());
        let root = B256::repeat_byte(5);
        let (old, new) = (before.assign(&shape, root), after.assign(&shape, root));
        for row in 0..shape.rows() as u32 {
            let without: Vec<usize> = new.holders(row).filter(|holder| *holder != 6).collect();
            let was: Vec<usize> = old.holders(row).collect();
            assert_eq!(without, was[..without.len()], "row {row}");
        }
    }

    /// What certificates rest on, at the smallest block, where shares are least even.
    #[test]
    fn a_third_of_the_members_has_far_more_than_a_quarter_of_the_rows() {
        let shape = Shape::for_payload(1).unwrap();
        for count in [4u8, 7, 10, 25, 100] {
            let members = members(count, DEFAULT_COPIES);
            let honest = members.quorum() - usize::from(count - 1) / 3;
            for seed in 0..50 {
                let assignment = members.assign(&shape, B256::repeat_byte(seed));
                let held: BTreeSet<u32> = (0..honest).flat_map(|member| assignment.rows_of(member)).collect();
                assert!(held.len() >= shape.rows() * 2 / 5, "{count} members: {} rows", held.len());
            }
        }
    }

    #[test]
    fn refusals() {
        assert_eq!(Members::new(vec![], 1), Err(MembersError::Count(0)));
        let one = Address::repeat_byte(1);
        assert_eq!(Members::new(vec![one, one], 1), Err(MembersError::Twice(one)));
        assert_eq!(Members::new(vec![one], 2), Err(MembersError::Copies { copies: 2, members: 1 }));
        assert_eq!(Members::new(vec![one], 0), Err(MembersError::Copies { copies: 0, members: 1 }));
        assert_eq!([1, 2, 3, 4, 6, 7, 10].map(|count| members(count, 1).quorum()), [1, 2, 2, 3, 4, 5, 7]);
    }

    /// Golden: nodes of different versions must agree.
    #[test]
    fn format() {
        let members = members(3, 2);
        let assignment = members.assign(&Shape::for_payload(1).unwrap(), B256::repeat_byte(9));
        let first: Vec<Vec<usize>> = (0..6).map(|row| assignment.holders(row).collect()).collect();
        assert_eq!(members.hash(), b256!("3d6c621bc81e33db63597f0fa38111413de971310ede6a7a2f7df8c0a9030cea"));
        assert_eq!(first, [[1, 0], [1, 0], [1, 2], [1, 0], [0, 2], [2, 0]]);
    }
}
