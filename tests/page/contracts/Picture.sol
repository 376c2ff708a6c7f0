// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// Pictures, numbered; whoever likes takes one. The name tries what names of foreign contracts try.
contract Picture is ERC721 {
    constructor() ERC721(unicode"<b>Pictures</b>\u202e", "PIC") {}

    function mint(address to, uint256 number) external {
        _mint(to, number);
    }
}
