//! The least of an ERC-20 token, assembled by hand: `transfer` with balances in a mapping at slot 0, a check, two
//! storage writes and the `Transfer` event. Enough to load a chain as token transfers do.

use alloy_primitives::{Address, B256, Bytes, U256, b256, keccak256};

/// keccak256("Transfer(address,address,uint256)").
const TRANSFER_EVENT: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// Selector of `transfer(address,uint256)`.
pub const TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];

/// Runtime code.
pub fn code() -> Bytes {
    const OK: u8 = 0x11;
    const FAIL: u8 = 0x70;
    let mut code: Vec<u8> = Vec::new();
    // if selector != transfer: revert
    code.extend([0x5f, 0x35, 0x60, 224, 0x1c, 0x63]);
    code.extend(TRANSFER);
    code.extend([0x14, 0x60, OK, 0x57, 0x5f, 0x5f, 0xfd]);
    debug_assert_eq!(code.len(), usize::from(OK));
    code.push(0x5b);
    // from = keccak(caller, 0); balance = sload(from); amount = calldata[36]; if balance < amount: revert
    code.extend([
        0x33, 0x5f, 0x52, 0x60, 64, 0x5f, 0x20, 0x80, 0x54, 0x60, 36, 0x35, 0x80, 0x82, 0x10, 0x60, FAIL, 0x57,
    ]);
    // sstore(from, balance - amount)
    code.extend([0x80, 0x91, 0x03, 0x90, 0x91, 0x55]);
    // to = calldata[4]; slot = keccak(to, 0); sstore(slot, sload(slot) + amount)
    code.extend([0x60, 4, 0x35, 0x80, 0x5f, 0x52, 0x60, 64, 0x5f, 0x20, 0x80, 0x54, 0x83, 0x01, 0x90, 0x55]);
    // log3(amount, Transfer, caller, to)
    code.extend([0x90, 0x5f, 0x52, 0x33, 0x7f]);
    code.extend(TRANSFER_EVENT.0);
    code.extend([0x60, 32, 0x5f, 0xa3]);
    // return true
    code.extend([0x60, 1, 0x5f, 0x52, 0x60, 32, 0x5f, 0xf3]);
    code.resize(usize::from(FAIL), 0);
    code.extend([0x5b, 0x5f, 0x5f, 0xfd]);
    code.into()
}

/// Storage slot of an account's balance.
pub fn balance_slot(owner: Address) -> B256 {
    let mut preimage = [0; 64];
    preimage[12..32].copy_from_slice(owner.as_slice());
    keccak256(preimage)
}

/// Call data of a transfer.
pub fn transfer(to: Address, amount: u64) -> Bytes {
    let mut data = TRANSFER.to_vec();
    data.extend([0; 12]);
    data.extend(to.as_slice());
    data.extend(U256::from(amount).to_be_bytes::<32>());
    data.into()
}
