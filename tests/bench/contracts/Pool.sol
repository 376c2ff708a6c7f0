// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.20;

/// A constant-product pool of two tokens that it keeps the books of itself: what of a swap is storage and arithmetic.
contract Pool {
    event Sync(uint112 reserve0, uint112 reserve1);
    event Swap(address indexed sender, uint256 amountIn, uint256 amountOut, bool zeroForOne);

    mapping(address => uint256) public balance0;
    mapping(address => uint256) public balance1;
    uint112 private reserve0;
    uint112 private reserve1;
    uint32 private timestamp;

    function swap(uint256 amountIn, bool zeroForOne) external returns (uint256 amountOut) {
        (uint256 reserveIn, uint256 reserveOut) = zeroForOne ? (reserve0, reserve1) : (reserve1, reserve0);
        uint256 withFee = amountIn * 997;
        amountOut = (withFee * reserveOut) / (reserveIn * 1000 + withFee);
        require(amountOut > 0 && amountOut < reserveOut, "liquidity");
        if (zeroForOne) {
            balance0[msg.sender] -= amountIn;
            balance1[msg.sender] += amountOut;
            (reserve0, reserve1) = (uint112(reserveIn + amountIn), uint112(reserveOut - amountOut));
        } else {
            balance1[msg.sender] -= amountIn;
            balance0[msg.sender] += amountOut;
            (reserve1, reserve0) = (uint112(reserveIn + amountIn), uint112(reserveOut - amountOut));
        }
        timestamp = uint32(block.timestamp);
        emit Sync(reserve0, reserve1);
        emit Swap(msg.sender, amountIn, amountOut, zeroForOne);
    }
}
