// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// What snarkjs exports for a circuit with two public signals.
interface IVerifier {
    function verifyProof(uint256[2] calldata a, uint256[2][2] calldata b, uint256[2] calldata c, uint256[2] calldata signals)
        external
        view
        returns (bool);
}

/// Keeps the best minimum that was proved for each commitment.
contract Register {
    error NotProved();

    IVerifier public immutable verifier;
    mapping(uint256 commitment => uint256) public minimum;

    event Proved(uint256 indexed commitment, uint256 minimum);

    constructor(IVerifier verifier_) {
        verifier = verifier_;
    }

    function prove(uint256[2] calldata a, uint256[2][2] calldata b, uint256[2] calldata c, uint256[2] calldata signals) external {
        if (!verifier.verifyProof(a, b, c, signals)) revert NotProved();
        if (signals[1] > minimum[signals[0]]) minimum[signals[0]] = signals[1];
        emit Proved(signals[0], signals[1]);
    }
}
