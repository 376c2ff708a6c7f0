//! Flags of a compression.
//!
//! Source: the BLAKE3 paper, section 2.2, table 3.
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "compressions of lanes only"))]

pub(crate) const CHUNK_START: u32 = 1;
pub(crate) const CHUNK_END: u32 = 2;
pub(crate) const PARENT: u32 = 4;
pub(crate) const ROOT: u32 = 8;
pub(crate) const KEYED: u32 = 16;
