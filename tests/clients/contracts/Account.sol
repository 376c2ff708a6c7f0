// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// Code for an externally owned account (EIP-7702): several calls in one transaction, for itself or for whoever
/// carries its signature.
contract Account {
    struct Call {
        address to;
        uint256 value;
        bytes data;
    }

    error Stranger(address sender);
    error CallFailed(uint256 index);

    event Executed(address indexed sender, uint256 calls);

    uint256 public executions;

    receive() external payable {}

    function execute(Call[] calldata calls) external payable {
        if (msg.sender != address(this)) revert Stranger(msg.sender);
        _run(calls);
    }

    function executeSigned(Call[] calldata calls, uint8 v, bytes32 r, bytes32 s) external payable {
        bytes32 digest = keccak256(abi.encode(block.chainid, address(this), executions, calls));
        if (ecrecover(digest, v, r, s) != address(this)) revert Stranger(msg.sender);
        _run(calls);
    }

    function _run(Call[] calldata calls) private {
        executions++;
        for (uint256 i = 0; i < calls.length; i++) {
            (bool done,) = calls[i].to.call{value: calls[i].value}(calls[i].data);
            if (!done) revert CallFailed(i);
        }
        emit Executed(msg.sender, calls.length);
    }
}
