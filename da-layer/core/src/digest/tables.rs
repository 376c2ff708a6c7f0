//! Portable kernels over bit images.
//!
//! Many rows: for a tile of columns, a table of 16 values for each half byte
//! (32 KiB a tile, so it stays in the first-level cache), used by all rows
//! before the next tile. One row: the images themselves, without tables.

use super::BitImages;

/// Columns in a tile: one cache line of each row.
const TILE_BYTES: usize = 64;

/// Values of a low half byte, then of a high half byte.
type NibbleTable = [[u128; 16]; 2];

/// Digest of one row.
pub(super) fn digest_one(images: &[BitImages], row: &[u8]) -> u128 {
    images.iter().zip(row).fold(0, |sum, (image, byte)| {
        image.iter().enumerate().fold(sum, |sum, (bit, value)| {
            let mask = u128::from(byte >> bit & 1).wrapping_neg();
            sum ^ value & mask
        })
    })
}

/// Adds to each of `sums` the digest of its row.
pub(super) fn digest_many(images: &[BitImages], rows: &[u8], sums: &mut [u128]) {
    let row_len = images.len();
    let mut tables = Vec::with_capacity(TILE_BYTES);
    for (tile, images) in images.chunks(TILE_BYTES).enumerate() {
        tables.clear();
        tables.extend(images.iter().map(nibble_table));
        let start = tile * TILE_BYTES;
        for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(row_len)) {
            *sum ^= digest_tile(&tables, &row[start..start + tables.len()]);
        }
    }
}

fn digest_tile(tables: &[NibbleTable], columns: &[u8]) -> u128 {
    tables
        .iter()
        .zip(columns)
        .fold(0, |sum, ([low, high], byte)| sum ^ low[usize::from(byte & 15)] ^ high[usize::from(byte >> 4)])
}

fn nibble_table(images: &BitImages) -> NibbleTable {
    let mut table = [[0; 16]; 2];
    for (half, values) in table.iter_mut().enumerate() {
        for bit in 0..4 {
            let width = 1 << bit;
            for value in 0..width {
                values[value + width] = values[value] ^ images[half * 4 + bit];
            }
        }
    }
    table
}
