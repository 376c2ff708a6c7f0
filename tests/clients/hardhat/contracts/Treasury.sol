// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";

/// Holds ether and a limit; an admin changes in two steps with a second between.
contract Treasury is AccessControlDefaultAdminRules {
    bytes32 public constant TREASURER = keccak256("TREASURER");

    uint256 public limit;

    error AboveLimit(uint256 amount, uint256 limit);

    event Paid(address indexed to, uint256 amount);

    constructor(address admin) AccessControlDefaultAdminRules(1 seconds, admin) {}

    receive() external payable {}

    function setLimit(uint256 to) external onlyRole(TREASURER) {
        limit = to;
    }

    function pay(address payable to, uint256 amount) external onlyRole(TREASURER) {
        if (amount > limit) revert AboveLimit(amount, limit);
        emit Paid(to, amount);
        (bool done,) = to.call{value: amount}("");
        require(done);
    }
}
