//! The format does not change by accident.

use alloy_primitives::{B256, Bytes, b256, bytes, hex, keccak256};

use crate::batch::{Batch, BatchBlock, BatchDecodeError, Level};
use crate::codec::DecodeError;

/// Two blocks with a transaction of each kind, from public signed examples' fields with made-up signatures.
fn sample() -> Batch {
    let sig = |mut head: Vec<u8>| {
        head.push(0xa0);
        head.extend_from_slice(&[0x5a; 32]);
        head.push(0xa0);
        head.extend_from_slice(&[0x3c; 32]);
        head
    };
    let list = |kind: &[u8], payload: Vec<u8>| {
        let mut out = kind.to_vec();
        alloy_rlp::Header { list: true, payload_length: payload.len() }.encode(&mut out);
        out.extend_from_slice(&payload);
        Bytes::from(out)
    };
    // nonce 9, price 20 gwei, gas 21,000, value 1 ether: EIP-155's own example, first without, then with chain id 1.
    let eip155 = "098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080";
    let legacy = |v: u8| list(&[], sig([hex::decode(eip155).expect("hex"), vec![v]].concat()));
    // transfer(0x42.., 1500000) on 0x77.., with an access list of one address.
    let transfer = [
        hex::decode("0180018477359400830186a094").expect("hex"),
        vec![0x77; 20],
        hex::decode("80b844a9059cbb000000000000000000000000").expect("hex"),
        vec![0x42; 20],
        [[0; 28].as_slice(), &1_500_000u32.to_be_bytes()].concat(),
        hex::decode("d7d694").expect("hex"),
        vec![0x99; 20],
        vec![0xc0, 0x01],
    ]
    .concat();
    let create = hex::decode("01028477359400830186a0808082600ac080").expect("hex");
    let blocks = vec![
        BatchBlock {
            timestamp: 1_700_000_000,
            inbox_count: 2,
            transactions: vec![legacy(27), legacy(38), list(&[2], sig(transfer))],
        },
        BatchBlock {
            timestamp: 1_700_000_001,
            inbox_count: 0,
            transactions: vec![list(&[1], sig(create)), bytes!("03c0"), bytes!("")],
        },
    ];
    Batch { chain_id: 1, first_block: 1000, inbox_from: 5, blocks }
}

#[test]
fn columns_of_the_sample() {
    let columns = crate::batch::encoder::columns(&sample()).expect("encodes");
    use crate::batch::column::Column as C;
    let text = |column: C| hex::encode(&columns[column]);
    assert_eq!(text(C::BlockTime), "01");
    assert_eq!(text(C::BlockTransactions), "0303");
    assert_eq!(text(C::BlockInbox), "0200");
    assert_eq!(text(C::Shape), "18194b22ffff");
    assert_eq!(text(C::Nonce), "09090002");
    assert_eq!(text(C::GasRef), "00010002");
    assert_eq!(text(C::GasTable), "88a401a08d06");
    assert_eq!(text(C::PriceRef), "000100");
    assert_eq!(text(C::FeeTable), "0180a8d6b907");
    assert_eq!(text(C::AccountRef), "000100");
    assert_eq!(text(C::ContractRef), "00");
    assert_eq!(columns[C::AddressTable], [[0x35; 20], [0x77; 20], [0x42; 20]].concat());
    assert_eq!(text(C::AmountForm), "131306");
    assert_eq!(text(C::AmountMantissa), "01010f");
    assert_eq!(text(C::Calldata), "600a");
    assert_eq!(text(C::EscapeLen), "0200");
    assert_eq!(text(C::Escape), "03c0");
    // EIP-2098: the parity of v = 38 is 1, so the top bit of s is set.
    assert_eq!(
        columns[C::Signature][64..][..64],
        [[0x5a; 32], {
            let mut s = [0x3c; 32];
            s[0] = 0xbc;
            s
        }]
        .concat()
    );
}

#[test]
fn hash_of_the_sample() {
    let bytes = sample().encode(Level::NONE).expect("encodes");
    assert_eq!(bytes.len(), 460);
    let golden: B256 = b256!("a71d8367ffe61ab701c3d1ae321398add9288958d14aa2120ecc69c112ee8ae2");
    assert_eq!(keccak256(&bytes), golden);
    assert_eq!(Batch::decode(&bytes), Ok(sample()));
}

/// The smallest batch, byte by byte.
#[test]
fn bytes_of_an_empty_block() {
    let block = BatchBlock { timestamp: 200, inbox_count: 3, transactions: vec![] };
    let batch = Batch { chain_id: 1, first_block: 128, inbox_from: 2, blocks: vec![block] };
    let header = [1, 1, 0x80, 0x01, 2, 1, 0xc8, 0x01];
    let block_columns = [0, /* transactions */ 1, 0, 0, /* inbox */ 1, 0, 3];
    let expected = [&header[..], &block_columns[..], &[0; 20][..]].concat();
    assert_eq!(batch.encode(Level::SMALLEST).as_ref(), Ok(&expected));
    assert_eq!(Batch::decode(&expected), Ok(batch));
    let mut other = expected.clone();
    other[0] = 2;
    assert_eq!(Batch::decode(&other), Err(BatchDecodeError::UnknownVersion(2)));
    other = [expected.as_slice(), &[0]].concat();
    assert_eq!(Batch::decode(&other), Err(DecodeError::Trailing(1).into()));
}
