//! A chain's rules as `eth_config` tells them (EIP-7910).

use std::collections::BTreeMap;

use alloy_eips::eip2124::ForkHash;
use alloy_eips::eip7910::{EthConfig, EthForkConfig};
use alloy_primitives::{Address, B256, Bytes};

use crate::dialect::{Fork, Forks};

/// Precompiled contracts of Prague, by the names and last bytes of their addresses.
const PRECOMPILES: [(&str, u8); 17] = [
    ("ECREC", 0x01),
    ("SHA256", 0x02),
    ("RIPEMD160", 0x03),
    ("ID", 0x04),
    ("MODEXP", 0x05),
    ("BN254_ADD", 0x06),
    ("BN254_MUL", 0x07),
    ("BN254_PAIRING", 0x08),
    ("BLAKE2F", 0x09),
    ("KZG_POINT_EVALUATION", 0x0a),
    ("BLS12_G1ADD", 0x0b),
    ("BLS12_G1MSM", 0x0c),
    ("BLS12_G2ADD", 0x0d),
    ("BLS12_G2MSM", 0x0e),
    ("BLS12_PAIRING_CHECK", 0x0f),
    ("BLS12_MAP_FP_TO_G1", 0x10),
    ("BLS12_MAP_FP2_TO_G2", 0x11),
];

/// That of Osaka.
const P256VERIFY: (&str, u64) = ("P256VERIFY", 0x100);

/// The rules at a time in seconds, the next ones and the last ones that are known. `None` before the first.
pub fn config(forks: &Forks, chain_id: u64, genesis: B256, now: u64) -> Option<EthConfig> {
    let at = forks.since.iter().rposition(|fork| fork.time <= now)?;
    let tell = |at: usize| tell(forks, chain_id, genesis, at);
    let next = (at + 1 < forks.since.len()).then(|| tell(at + 1));
    let last = next.as_ref().map(|_| tell(forks.since.len() - 1));
    Some(EthConfig { current: tell(at), next, last })
}

fn tell(forks: &Forks, chain_id: u64, genesis: B256, at: usize) -> EthForkConfig {
    let mut id = ForkHash::from(genesis);
    // What is there from the start does not count, and what comes together counts once.
    let mut passed: Vec<u64> = forks.earlier.iter().copied().filter(|point| *point > 0).collect();
    passed.extend(forks.since.iter().take(at + 1).skip(usize::from(forks.earlier.is_empty())).map(|fork| fork.time));
    passed.dedup();
    passed.into_iter().for_each(|point| id += point);
    let Fork { time, blobs, p256, contracts } = &forks.since[at];
    let mut precompiles: BTreeMap<String, Address> =
        PRECOMPILES.iter().map(|(name, last)| ((*name).to_owned(), Address::with_last_byte(*last))).collect();
    if *p256 {
        let address = Address::left_padding_from(&P256VERIFY.1.to_be_bytes());
        precompiles.insert(P256VERIFY.0.to_owned(), address);
    }
    EthForkConfig {
        activation_time: *time,
        blob_schedule: *blobs,
        chain_id,
        fork_id: Bytes::copy_from_slice(&id.0),
        precompiles,
        system_contracts: contracts.iter().cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_eips::eip7840::BlobParams;

    #[test]
    fn now_next_and_last() {
        let fork = |time| Fork { time, blobs: BlobParams::prague(), p256: time > 0, contracts: Vec::new() };
        let forks = Forks { earlier: Vec::new(), since: vec![fork(0), fork(10), fork(20)] };
        let genesis = B256::repeat_byte(7);
        let at = |now| config(&forks, 1, genesis, now);
        let Some(first) = at(9) else { panic!("from the start") };
        assert_eq!((first.current.activation_time, first.current.precompiles.len()), (0, 17));
        assert_eq!(first.current.fork_id[..], ForkHash::from(genesis).0);
        assert_eq!(first.next.map(|fork| fork.activation_time), Some(10));
        assert_eq!(first.last.map(|fork| fork.activation_time), Some(20));
        let Some(last) = at(u64::MAX) else { panic!("for ever") };
        assert_eq!((last.current.activation_time, last.current.precompiles.len()), (20, 18));
        assert!(last.next.is_none() && last.last.is_none());
        assert_eq!(last.current.fork_id[..], ((ForkHash::from(genesis) + 10u64) + 20u64).0);
        assert!(config(&Forks::default(), 1, genesis, 0).is_none());
    }
}
