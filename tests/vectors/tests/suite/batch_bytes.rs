//! Batches put together column by column, to be wrong in one thing.

/// Places of the columns.
mod column {
    pub const BLOCK_TIME: usize = 0;
    pub const BLOCK_TRANSACTIONS: usize = 1;
    pub const BLOCK_INBOX: usize = 2;
    pub const SHAPE: usize = 3;
    pub const SIGNATURE: usize = 4;
    pub const NONCE: usize = 5;
    pub const GAS_REF: usize = 6;
    pub const GAS_TABLE: usize = 7;
    pub const PRICE_REF: usize = 8;
    pub const PRICE_TABLE: usize = 9;
    pub const ACCOUNT_REF: usize = 13;
    pub const ADDRESS_TABLE: usize = 14;
    pub const AMOUNT_FORM: usize = 15;
    pub const AMOUNT_MANTISSA: usize = 16;
    pub const AMOUNT_WIDE: usize = 17;
    pub const CALLDATA_LEN: usize = 18;
    pub const CALLDATA: usize = 19;
    pub const ESCAPE_LEN: usize = 21;
    pub const ESCAPE: usize = 22;
    pub const COUNT: usize = 23;
}

use column::*;

/// Bytes of a batch before the columns, and the columns as they are before they are stored.
#[derive(Clone)]
struct Parts {
    header: Vec<u8>,
    columns: [Vec<u8>; COUNT],
}

impl Parts {
    /// One block of two equal legacy transfers of 100 wei to one address.
    fn two_transfers() -> Self {
        let mut columns = [const { Vec::new() }; COUNT];
        columns[BLOCK_TRANSACTIONS] = vec![2];
        columns[BLOCK_INBOX] = vec![0];
        columns[SHAPE] = vec![0x18, 0x18];
        columns[SIGNATURE] = [[0x22; 32], [0x33; 32], [0x22; 32], [0x33; 32]].concat();
        columns[NONCE] = vec![5, 5];
        columns[GAS_REF] = vec![0, 1];
        columns[GAS_TABLE] = vec![0x88, 0xa4, 0x01];
        columns[PRICE_REF] = vec![0, 1];
        columns[PRICE_TABLE] = vec![7];
        columns[ACCOUNT_REF] = vec![0, 1];
        columns[ADDRESS_TABLE] = vec![0x11; 20];
        columns[AMOUNT_FORM] = vec![3, 3];
        columns[AMOUNT_MANTISSA] = vec![1, 1];
        // Version 1, chain 1, first block 4, inbox from 0, one block at time 9.
        Self { header: vec![1, 1, 4, 0, 1, 9], columns }
    }

    /// One block with one transaction in the escape column.
    fn escape(raw: &[u8]) -> Self {
        let mut columns = [const { Vec::new() }; COUNT];
        columns[BLOCK_TRANSACTIONS] = vec![1];
        columns[BLOCK_INBOX] = vec![0];
        columns[SHAPE] = vec![0xff];
        columns[ESCAPE_LEN] = vec![raw.len() as u8];
        columns[ESCAPE] = raw.to_vec();
        Self { header: vec![1, 1, 4, 0, 1, 9], columns }
    }

    fn with(mut self, column: usize, bytes: &[u8]) -> Self {
        self.columns[column] = bytes.to_vec();
        self
    }

    fn header(self, header: &[u8]) -> Self {
        Self { header: header.to_vec(), ..self }
    }

    /// The batch, with one column stored in a way of its own.
    fn stored(&self, special: Option<(usize, Vec<u8>)>) -> Vec<u8> {
        let mut out = self.header.clone();
        for (at, column) in self.columns.iter().enumerate() {
            match &special {
                Some((own, bytes)) if *own == at => out.extend_from_slice(bytes),
                _ => out.extend_from_slice(&raw(column)),
            }
        }
        out
    }

    fn bytes(&self) -> Vec<u8> {
        self.stored(None)
    }
}

/// A column as it is; all here are shorter than 16 KiB.
fn raw(column: &[u8]) -> Vec<u8> {
    match column.len() {
        0 => vec![0],
        len @ 1..128 => [&[len as u8, 0], column].concat(),
        len => [&[len as u8 | 0x80, (len >> 7) as u8, 0], column].concat(),
    }
}

/// A column of `len` (below 128) equal bytes, as one zstd block of repeated bytes.
fn repeated(len: u8, stated: u8, byte: u8) -> Vec<u8> {
    // Block header, little-endian: last block, type 1 (repeated), size.
    vec![stated, 1, 4, (len << 3) | 0b11, len >> 5, 0, byte]
}

/// The signed bytes of the transfers above.
fn transfer() -> Vec<u8> {
    let mut raw = vec![0xf8, 0, 0x05, 0x07, 0x82, 0x52, 0x08, 0x94];
    raw.extend_from_slice(&[0x11; 20]);
    raw.extend_from_slice(&[0x64, 0x80, 0x1b, 0xa0]);
    raw.extend_from_slice(&[0x22; 32]);
    raw.push(0xa0);
    raw.extend_from_slice(&[0x33; 32]);
    raw[1] = raw.len() as u8 - 2;
    raw
}

/// Name, bytes, verdict.
pub fn refusals() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let good = Parts::two_transfers();
    let bytes = good.bytes();
    let with = |column: usize, bytes: &[u8]| good.clone().with(column, bytes).bytes();
    let header = |bytes: &[u8]| good.clone().header(bytes).bytes();
    let escapes = |count: u8| {
        let parts = Parts::escape(&[]).with(BLOCK_TRANSACTIONS, &[count]).with(SHAPE, &vec![0xff; count.into()]);
        parts.with(ESCAPE_LEN, &vec![0; count.into()])
    };
    let zeros = |stored: Vec<u8>| escapes(100).stored(Some((ESCAPE_LEN, stored)));
    let template = [&[0xa9, 0x05, 0x9c, 0xbb][..], &[0; 12], &[0x11; 20], &[0; 31], &[1]].concat();
    let calldata = |data: &[u8]| {
        let parts = good.clone().with(SHAPE, &[0x38, 0x18]).with(CALLDATA_LEN, &[data.len() as u8]);
        let parts = parts.with(CALLDATA, data).with(ACCOUNT_REF, &[1]);
        // The first transaction's address is now a contract's.
        parts.with(12, &[0]).bytes()
    };
    let wide = |form: u8, bytes: &[u8]| {
        let parts = good.clone().with(AMOUNT_FORM, &[form, 3]).with(AMOUNT_MANTISSA, &[1]);
        parts.with(AMOUNT_WIDE, bytes).bytes()
    };
    let mut cases = vec![
        ("nothing wrong", bytes.clone(), "ok"),
        ("no bytes", vec![], "refused"),
        ("version 2", header(&[2, 1, 4, 0, 1, 9]), "refused"),
        ("no blocks", header(&[1, 1, 4, 0, 0, 9]), "refused"),
        ("more blocks than the columns have", header(&[1, 1, 4, 0, 2, 9]), "refused"),
        ("a longer varint", header(&[1, 0x81, 0, 4, 0, 1, 9]), "refused"),
        ("a byte after the last column", [&bytes[..], &[0]].concat(), "refused"),
        ("a byte less", bytes[..bytes.len() - 1].to_vec(), "refused"),
        ("an unknown codec", good.stored(Some((NONCE, vec![2, 2, 5, 5]))), "refused"),
        ("time of the first block", with(BLOCK_TIME, &[1]), "refused"),
        ("transactions without a shape", with(BLOCK_TRANSACTIONS, &[3]), "refused"),
        ("a shape without a transaction", with(SHAPE, &[0x18, 0x18, 0xff]), "refused"),
        ("1,025 inbox items", with(BLOCK_INBOX, &[0x81, 8]), "refused"),
        ("1,024 inbox items", with(BLOCK_INBOX, &[0x80, 8]), "ok"),
        ("an unknown type", with(SHAPE, &[0x1d, 0x18]), "refused"),
        ("an unknown template", with(SHAPE, &[0xb8, 0x18]), "refused"),
        ("a value that is zero", with(AMOUNT_FORM, &[0, 3]), "refused"),
        ("a signature cut off", with(SIGNATURE, &[0x22; 127]), "refused"),
        ("a nonce too many", with(NONCE, &[5, 5, 5]), "refused"),
        ("a longer nonce", with(NONCE, &[0x85, 0, 5]), "refused"),
        ("a reference past the table", with(GAS_REF, &[0, 2]), "refused"),
        ("an entry that is not used", with(PRICE_TABLE, &[7, 8]), "refused"),
        (
            "an address twice",
            good.clone().with(ACCOUNT_REF, &[0, 0]).with(ADDRESS_TABLE, &[0x11; 40]).bytes(),
            "refused",
        ),
        ("a mantissa of ten", with(AMOUNT_MANTISSA, &[10, 1]), "refused"),
        ("a form between the kinds", with(AMOUNT_FORM, &[79, 3]), "refused"),
        (
            "an amount above 256 bits",
            good.clone().with(AMOUNT_FORM, &[78, 3]).with(AMOUNT_MANTISSA, &[2, 1]).bytes(),
            "refused",
        ),
        ("a wide amount", wide(137, &[1, 0, 0, 0, 0, 0, 0, 0, 1]), "ok"),
        ("a wide amount with a zero", wide(138, &[0, 1, 0, 0, 0, 0, 0, 0, 0, 1]), "refused"),
        ("2^64 as a wide amount", wide(137, &[1, 0, 0, 0, 0, 0, 0, 0, 0]), "ok"),
        ("a wide amount with a small mantissa", wide(137, &[5, 0x6b, 0xc7, 0x5e, 0x2d, 0x63, 0x10, 0, 0]), "refused"),
        ("a wide amount that is short", wide(136, &[1; 8]), "refused"),
        ("raw calldata", calldata(&[1]), "ok"),
        ("no calldata where there is some", calldata(&[]), "refused"),
        ("a template as raw calldata", calldata(&template), "refused"),
        ("an escape", Parts::escape(&[3, 0xc0]).bytes(), "ok"),
        ("an escape without need", Parts::escape(&transfer()).bytes(), "refused"),
        ("zstd", zeros(repeated(100, 100, 0)), "ok"),
        ("zstd, stated too short", zeros(repeated(100, 99, 0)), "refused"),
        ("zstd, stated too long", zeros(repeated(100, 101, 0)), "refused"),
        ("zstd that saves nothing", escapes(4).stored(Some((ESCAPE_LEN, repeated(4, 4, 0)))), "refused"),
        ("zstd cut off", zeros(vec![100, 1, 3, 0x23, 3, 0]), "refused"),
    ];
    let mut second = repeated(100, 100, 0);
    second[2] += 9;
    second.extend_from_slice(&[0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0]);
    cases.push(("a second frame", zeros(second), "refused"));
    let signatures = good.clone().stored(Some((SIGNATURE, vec![0x80, 1, 1, 4, 0x03, 0x04, 0, 0x22])));
    cases.push(("compressed signatures", signatures, "refused"));
    cases
}
