// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// Fails in every way that clients decode.
contract Refuser {
    error TooSmall(uint256 got, uint256 needed);

    uint256 public accepted;

    function withReason() external pure {
        revert("not today");
    }

    function withoutReason() external pure {
        revert();
    }

    function withError(uint256 got) external pure {
        revert TooSmall(got, 10);
    }

    function withPanic(uint256 divisor) external pure returns (uint256) {
        return 1 / divisor;
    }

    function endless() external pure {
        while (true) {}
    }

    function accept(uint256 value) external payable {
        if (value < 10) revert TooSmall(value, 10);
        accepted = value;
    }
}
