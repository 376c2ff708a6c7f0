// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// Takes ether out of the rollup: keeps the withdrawals in an append-only Merkle tree (proto/SPEC.md, "Withdrawals").
///
/// What is sent here stays here for good; who is named is paid by settlement, against a proof. There is no owner, no
/// way out and no other state. The protocol reads slots 0 and 1 after each block.
contract Withdrawals {
    uint256 private constant DEPTH = 32;

    /// Withdrawals so far. Slot 0.
    uint64 public count;
    /// Root of the tree; zero while there are none. Slot 1.
    bytes32 public root;
    /// Of each level, the newest complete subtree that is a left child. Slots 2 to 33.
    bytes32[DEPTH] private branch;

    event Withdrawal(uint64 indexed index, address indexed sender, address indexed recipient, uint256 amount);

    error Nothing();
    error Full();

    receive() external payable {
        append(msg.sender);
    }

    /// Withdraws the call's value to an account of settlement; the withdrawal's index.
    function withdraw(address recipient) external payable returns (uint64) {
        return append(recipient);
    }

    function append(address recipient) private returns (uint64 index) {
        if (msg.value == 0) revert Nothing();
        index = count;
        if (index >= 2 ** DEPTH - 1) revert Full();
        bytes32 node = keccak256(abi.encodePacked(uint8(0), index, msg.sender, recipient, msg.value));
        bytes32 empty;
        bool kept;
        for (uint256 level = 0; level < DEPTH; level++) {
            if ((index >> level) & 1 == 1) {
                node = join(branch[level], node);
            } else {
                if (!kept) {
                    branch[level] = node;
                    kept = true;
                }
                node = join(node, empty);
            }
            empty = join(empty, empty);
        }
        root = node;
        count = index + 1;
        emit Withdrawal(index, msg.sender, recipient, msg.value);
    }

    function join(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(1), left, right));
    }
}
