//! Methods that tools know from other nodes and that are not here: a sentence that says why, and what to do instead.
//!
//! Most are those of test chains (`evm_*`, `hardhat_*`, `anvil_*`), which make up state, time and blocks. Here every
//! block is durable, posted and proved, in `weft dev` too, so there is nothing that they could do.

const UNDO: &str =
    "blocks are durable and posted, so none is taken back; `weft dev --load-state` begins a chain with a state";
const TIME: &str = "time is the clock's, and blocks are executed again by others, so it cannot be set";
const BLOCKS: &str = "a block is made as soon as there are transactions, and none without";
const STATE: &str =
    "state changes by transactions alone; `weft dev --genesis` or `--load-state` begins a chain with other accounts";
const SENDER: &str = "a transaction needs the signature of its sender; eth_call and eth_simulateV1 take any";
const KEYS: &str = "this node holds no keys; sign in the wallet, and send with eth_sendRawTransaction";
const FAKE: &str = "it belongs to chains that are made up for tests, and this one is not";

/// Why a method is not here, where it is one that tools ask for.
pub fn why(method: &str) -> Option<&'static str> {
    let Some((namespace @ ("evm" | "hardhat" | "anvil"), name)) = method.split_once('_') else {
        return match method {
            "eth_sendTransaction"
            | "eth_signTransaction"
            | "eth_sign"
            | "personal_sign"
            | "eth_signTypedData"
            | "eth_signTypedData_v4" => Some(KEYS),
            _ => None,
        };
    };
    Some(match name {
        "snapshot" | "revert" | "reset" | "rollback" | "reorg" | "dropTransaction" | "dropAllTransactions" => UNDO,
        "mine" | "setAutomine" | "setIntervalMining" | "setBlockGasLimit" => BLOCKS,
        "impersonateAccount" | "stopImpersonatingAccount" | "autoImpersonateAccount" => SENDER,
        _ if name.to_ascii_lowercase().contains("time") => TIME,
        _ if name.starts_with("set") || name.starts_with("add") || name.starts_with("deal") => STATE,
        "dumpState" | "loadState" => "`weft dev --dump-state` and `--load-state` do",
        "metadata" if namespace == "hardhat" => "`weft dev` has it, for Hardhat on its chain",
        _ => FAKE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_ask_for_has_a_reason() {
        for (method, reason) in [
            ("evm_snapshot", UNDO),
            ("anvil_reset", UNDO),
            ("evm_increaseTime", TIME),
            ("evm_setNextBlockTimestamp", TIME),
            ("evm_mine", BLOCKS),
            ("hardhat_setBalance", STATE),
            ("hardhat_impersonateAccount", SENDER),
            ("anvil_nodeInfo", FAKE),
            ("eth_sendTransaction", KEYS),
        ] {
            assert_eq!(why(method), Some(reason), "{method}");
        }
        for method in ["eth_noSuchMethod", "evmsnapshot", "", "_", "weft_snapshot"] {
            assert_eq!(why(method), None, "{method}");
        }
    }
}
