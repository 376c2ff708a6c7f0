// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.20;

/// Nothing but computing: hashes and multiplications, no storage.
contract Burn {
    function burn(uint256 rounds, uint256 seed) external pure returns (uint256 value) {
        value = seed;
        for (uint256 i = 0; i < rounds; ++i) {
            value = mulmod(value, uint256(keccak256(abi.encode(value))), type(uint256).max);
        }
    }
}
