//! Forks by the names that Ethereum's tests give them.

use revm::context::CfgEnv;
use revm::primitives::hardfork::SpecId;

/// The only chain of these tests.
pub const CHAIN_ID: u64 = 1;

/// A fork; otherwise why there are no rules for it.
pub fn spec_of(name: &str) -> Result<SpecId, &'static str> {
    Ok(match name {
        "Frontier" => SpecId::FRONTIER,
        "Homestead" => SpecId::HOMESTEAD,
        "EIP150" | "TangerineWhistle" => SpecId::TANGERINE,
        "EIP158" | "SpuriousDragon" => SpecId::SPURIOUS_DRAGON,
        "Byzantium" => SpecId::BYZANTIUM,
        "Constantinople" => {
            return Err("Constantinople before its fix (EIP-1283): never live, revm has no rules for it");
        }
        "ConstantinopleFix" | "Petersburg" => SpecId::PETERSBURG,
        "Istanbul" => SpecId::ISTANBUL,
        "Berlin" => SpecId::BERLIN,
        "London" => SpecId::LONDON,
        "Paris" | "Merge" => SpecId::MERGE,
        "Shanghai" => SpecId::SHANGHAI,
        "Cancun" => SpecId::CANCUN,
        "Prague" => SpecId::PRAGUE,
        "Osaka" => SpecId::OSAKA,
        name if name.contains("To") => return Err("a fork in the middle of the chain"),
        _ => return Err("a fork that has no name here"),
    })
}

/// The main network's rules.
pub fn rules(spec: SpecId) -> CfgEnv {
    let mut config = CfgEnv::new_with_spec(spec);
    config.chain_id = CHAIN_ID;
    config.set_max_blobs_per_tx(if spec == SpecId::PRAGUE { 9 } else { 6 });
    config
}
