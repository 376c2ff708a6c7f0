//! The ten funded accounts of the development chain: public keys in every sense, never for real value.

use alloy_primitives::U256;
use serde_json::{Value, json};
use weft_primitives::Signer;

/// The mnemonic that wallets and tools of the field use for development.
pub const MNEMONIC: &str = "test test test test test test test test test test test junk";

/// Secret keys of its first ten accounts (m/44'/60'/0'/0/n).
pub const SECRET_KEYS: [&str; 10] = [
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
    "0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
    "0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
    "0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97",
    "0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6",
];

/// The account with this number, 0 to 9.
pub fn signer(number: usize) -> Option<Signer> {
    SECRET_KEYS.get(number).and_then(|key| Signer::from_hex(key).ok())
}

/// The development chain with other accounts, each with as much ether, and another id: the genesis file's text.
pub fn genesis(accounts: &[Signer], balance: u64, chain_id: u64) -> Result<String, serde_json::Error> {
    let mut genesis: Value = serde_json::from_str(crate::DEV_GENESIS)?;
    genesis["config"]["chainId"] = chain_id.into();
    if let Some(alloc) = genesis["alloc"].as_object_mut() {
        // What has code stays: the deployment proxy that tools expect.
        alloc.retain(|_, account| account.get("code").is_some());
        let wei = U256::from(balance) * U256::from(10).pow(U256::from(18));
        for account in accounts {
            alloc.insert(account.address().to_string(), json!({ "balance": format!("{wei:#x}") }));
        }
    }
    serde_json::to_string(&genesis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_primitives::ChainConfig;

    /// Without options the chain is the one of `config/genesis.dev.json`: every other service has that by default.
    #[test]
    fn the_usual_options_make_the_usual_chain() {
        let accounts: Vec<Signer> = (0..10).filter_map(signer).collect();
        let text = genesis(&accounts, 10_000, 31_337).expect("it is JSON");
        let made = ChainConfig::from_json(&text).expect("a genesis file");
        assert_eq!(made.hash(), ChainConfig::from_json(crate::DEV_GENESIS).expect("development genesis").hash());
        let text = genesis(&accounts[..2], 5, 7).expect("it is JSON");
        let made = ChainConfig::from_json(&text).expect("a genesis file");
        assert_eq!((made.chain_id(), made.genesis().alloc.len()), (7, 3));
        let balance = made.genesis().alloc[&accounts[1].address()].balance;
        assert_eq!(crate::amount::in_ether(balance), "5 ether");
    }

    #[test]
    fn all_are_funded() {
        let chain = ChainConfig::from_json(crate::DEV_GENESIS).expect("development genesis");
        for number in 0..10 {
            let address = signer(number).expect("valid key").address();
            assert!(chain.genesis().alloc.contains_key(&address), "account {number} {address}");
        }
        assert!(signer(10).is_none());
    }
}
