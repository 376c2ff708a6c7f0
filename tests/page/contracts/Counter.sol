// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// One number that everyone wants to change: what parallel execution likes least.
contract Counter {
    uint256 public count;
    mapping(address => uint256) public own;

    event Counted(uint256 count);

    function add(uint256 rounds) external {
        for (uint256 round = 0; round < rounds; ++round) own[msg.sender] = uint256(keccak256(abi.encode(own[msg.sender], round)));
        emit Counted(++count);
    }
}
