// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.20;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// An OpenZeppelin ERC-20 as it is. Balances are in the mapping at slot 0.
contract Token is ERC20("Bench", "BENCH") {}
