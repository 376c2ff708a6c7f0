//! Names of objects: `blocks/GROUP/HEIGHT-HASH`.
//!
//! HEIGHT is decimal in 18 digits, HASH the header's hash in hexadecimal,
//! GROUP the height divided by 1,000, in 15 digits. Names sort by height; two
//! different blocks never have one name; one listing answers for 1,000 heights.

use object_store::path::Path;
use weft_primitives::B256;

/// Folder of all blocks.
pub(super) const ROOT: &str = "blocks";

/// Heights in one group.
pub(super) const GROUP_HEIGHTS: u64 = 1_000;

pub(super) const fn group_of(height: u64) -> u64 {
    height / GROUP_HEIGHTS
}

pub(super) fn group(group: u64) -> Path {
    Path::from(format!("{ROOT}/{group:015}"))
}

pub(super) fn block(height: u64, hash: B256) -> Path {
    Path::from(format!("{ROOT}/{:015}/{height:018}-{}", group_of(height), alloy_primitives::hex::encode(hash)))
}

/// Height and hash of a name; `None` for what is no block of ours.
pub(super) fn parse(path: &Path) -> Option<(u64, B256)> {
    let (height, hash) = path.filename()?.split_once('-')?;
    let (height, hash) = (height.parse().ok()?, hash.parse().ok()?);
    path.as_ref().ends_with(block(height, hash).as_ref()).then_some((height, hash))
}

/// Number of the group that a folder is.
pub(super) fn parse_group(path: &Path) -> Option<u64> {
    let number = path.filename()?.parse().ok()?;
    path.as_ref().ends_with(group(number).as_ref()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_a_format_and_read_back() {
        let hash = B256::repeat_byte(0xab);
        let name = block(12_345, hash);
        assert_eq!(name.as_ref(), format!("blocks/000000000000012/000000000000012345-{}", "ab".repeat(32)));
        assert_eq!(parse(&name), Some((12_345, hash)));
        assert_eq!(parse_group(&group(12)), Some(12));
        assert!(block(9, hash) < block(10, hash) && block(999, hash) < block(1_000, hash));
        for other in ["blocks/000000000000012/notes.txt", "blocks/1/000000000000012345-ab", "12-34"] {
            assert_eq!(parse(&Path::from(other)), None, "{other}");
        }
    }
}
