//! One fixed block for each codec: a change of any hash here is a change of the format.

use weft_da::{EncodedBlock, Header, SignedHeader};

use crate::common::{bytes, encode, namespace, signer};

fn hashes(block: &EncodedBlock, header: &Header) -> [String; 6] {
    [
        header.row_root.to_string(),
        header.digest_root.to_string(),
        header.blob_index_root.to_string(),
        header.data_root().to_string(),
        header.hash().to_string(),
        blake3::hash(block.rows().digest_bytes()).to_hex().to_string(),
    ]
}

#[test]
fn gf8() {
    let blobs = vec![(namespace(9), bytes(1, 1_000)), (namespace(3), bytes(2, 2_000)), (namespace(9), bytes(3, 3_000))];
    let (block, header) = encode(&blobs);
    assert_eq!((header.shape.codec().as_byte(), header.shape.k(), header.shape.row_len()), (1, 64, 112));
    assert_eq!(
        hashes(&block, &header),
        [
            "0x6acc67671d6a5bef30b14c7d2834ca52a866e929f187b4555b6377d07f2e3813",
            "0x4a3567b2c63ceeb9297ce15cfcf2b9786a3d63b02d50628cb4fb07744c7d4f99",
            "0xf5459e6ec7c516a5cd4c40653dff4707d171e537526562256cba6af88a8b38c2",
            "0x5e0d40cec62107ba5740298257ccd529d4c4c20f0bb2bbb506efdcd5dab90440",
            "0x807a996cf08d4c0178e9e28546b40235e172fd5aa815540f17132d62a1207b68",
            "df92288075ae0cda78765313a620141cf2589b5c40a4413c85ed939fd3ed2c2c",
        ]
    );
    let signed = SignedHeader::sign(header, &signer());
    assert_eq!(
        blake3::hash(&signed.encode()).to_hex().as_str(),
        "90ec1e5fc9a4aef3f6a735327cbb8b1295116b1fcc59f5a7781e2c700b9b16e3"
    );
}

#[test]
fn gf16() {
    let (block, header) = encode(&[(namespace(1), bytes(4, 70_000)), (namespace(2), bytes(5, 30_000))]);
    assert_eq!((header.shape.codec().as_byte(), header.shape.k(), header.shape.row_len()), (2, 256, 448));
    assert_eq!(
        hashes(&block, &header),
        [
            "0xa90d2359a244fd05cfa65fa12201620ef8373a1f49a0f7b35e2335ffac110597",
            "0x3ac5e5e14c321d2bd8d7fce7c7955b7f7312832eb551588c915c5e7041511e07",
            "0xd1f04f38712b9d67efc44537ff952e9e0eec7d2f83b235a04eae1423f6dcce58",
            "0x936711e49c349c008a594f5d9720b9812f52fd690a1a23cd3d20e3db27117dc3",
            "0x992b43bea704f90218ef970e79ee079653bc5f8e364f8d5a98236585c4470509",
            "def53e9705e592da3f54035749205fa06c94249fbb027640979657e050c784ea",
        ]
    );
}
