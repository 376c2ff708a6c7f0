//! What a revert says: Solidity's `Error(string)` and `Panic(uint256)`, decoded for the error message.
//!
//! The data come from a contract, so every length in them is checked; what does not decode is not an error, it
//! only adds no words. Deliberately absent: custom errors, whose meaning only the caller's ABI knows.

use alloy_primitives::U256;

/// Selector of `Error(string)`.
const ERROR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];

/// Selector of `Panic(uint256)`.
const PANIC: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];

/// Longest reason repeated in a message, in bytes; all of it is in `data`.
const MAX_REASON_BYTES: usize = 1_024;

/// `execution reverted`, and the reason if there is one that can be read.
pub fn message(data: &[u8]) -> String {
    match reason(data) {
        Some(reason) => format!("execution reverted: {reason}"),
        None => "execution reverted".to_owned(),
    }
}

fn reason(data: &[u8]) -> Option<String> {
    let (selector, rest) = data.split_first_chunk::<4>()?;
    match *selector {
        ERROR => string(rest),
        PANIC => Some(panic_words(word(rest, 0)?)),
        _ => None,
    }
}

fn word(data: &[u8], offset: usize) -> Option<U256> {
    data.get(offset..offset.checked_add(32)?).map(U256::from_be_slice)
}

/// The string of an ABI-encoded `(string)`.
fn string(data: &[u8]) -> Option<String> {
    let at = usize::try_from(word(data, 0)?).ok()?;
    let len = usize::try_from(word(data, at)?).ok()?;
    let start = at.checked_add(32)?;
    let bytes = data.get(start..start.checked_add(len)?)?;
    let shown = bytes.get(..MAX_REASON_BYTES).unwrap_or(bytes);
    Some(String::from_utf8_lossy(shown).into_owned())
}

/// Solidity's panic codes, in go-ethereum's words.
fn panic_words(code: U256) -> String {
    let words = match code.saturating_to::<u64>() {
        0x00 => "generic panic",
        0x01 => "assert(false)",
        0x11 => "arithmetic underflow or overflow",
        0x12 => "division or modulo by zero",
        0x21 => "enum overflow",
        0x22 => "invalid encoded storage byte array accessed",
        0x31 => "out-of-bounds array access; popping on an empty array",
        0x32 => "out-of-bounds access of an array or bytesN",
        0x41 => "out of memory",
        0x51 => "uninitialized function",
        _ => return format!("unknown panic code: {code:#x}"),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;
    use proptest::prelude::*;

    #[test]
    fn solidity_reasons() {
        // From the conformance data of ethereum/execution-apis.
        let error = hex!(
            "08c379a00000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000000000000000000000000000000000000000a75736572206572726f72"
        );
        assert_eq!(message(&error), "execution reverted: user error");
        let panic = hex!("4e487b710000000000000000000000000000000000000000000000000000000000000001");
        assert_eq!(message(&panic), "execution reverted: assert(false)");
        assert_eq!(message(b"wrong-calldatasize"), "execution reverted");
        assert_eq!(message(&[]), "execution reverted");
    }

    proptest! {
        #[test]
        fn any_data_gives_a_short_message(selector in prop_oneof![Just(ERROR), Just(PANIC)], words in proptest::collection::vec(any::<[u8; 32]>(), 0..5), small in any::<bool>()) {
            let mut data = selector.to_vec();
            for mut word in words {
                if small {
                    word[..31].fill(0);
                }
                data.extend(word);
            }
            // A byte may become a replacement character of three.
            prop_assert!(message(&data).len() <= 3 * MAX_REASON_BYTES + 100);
        }
    }
}
