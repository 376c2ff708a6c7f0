// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Counter} from "../src/Counter.sol";

/// The cheat codes that the script needs, at forge's address for them.
interface Vm {
    function startBroadcast(uint256 key) external;
    function stopBroadcast() external;
    function envUint(string calldata name) external returns (uint256);
}

/// Deploys a counter and uses it: several transactions of one sender, sent at once.
contract Deploy {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    // forge looks for this to know that the contract is a script.
    bool public constant IS_SCRIPT = true;

    function run() external returns (Counter counter) {
        VM.startBroadcast(VM.envUint("KEY"));
        counter = new Counter(5);
        counter.add(7);
        counter.add(30);
        VM.stopBroadcast();
    }
}
