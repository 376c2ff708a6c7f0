//! Blocks and blobs for people and their pages, read-only, on the HTTP port.
//!
//! | request | answer |
//! |---|---|
//! | `GET /blocks?last=N&before=H` | headers, the newest first (below a height): 50 unless told otherwise, at most 500 |
//! | `GET /blocks/HEIGHT` | one, with its blobs (at most 256) and which of its rows are here |
//! | `GET /blobs/NAMESPACE/HASH` | where a blob is, and the proof |
//!
//! Rows are told as `"all"`, or as a bitmap in hexadecimal: bit 7 of the first byte is row 0. Whoever must not trust this
//! node asks by gRPC for what it can verify. Errors are JSON with `error`, in words, and `reason`, which is stable.

use std::sync::Arc;

use alloy_primitives::hex;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};
use tonic::Code;
use weft_da::{BlobEntry, SignedHeader};
use weft_primitives::{B256, Namespace};
use weft_wire::status::{Plain, Reason};

use crate::custody::Custody;
use crate::reader::{ReadError, Reader};
use crate::store::ShareStore;

/// Headers in an answer, unless told otherwise.
const DEFAULT_LAST: u64 = 50;

/// Most headers in an answer.
const MAX_LAST: u64 = 500;

/// Most blobs of a block in an answer; all are listed by gRPC.
const MAX_ENTRIES: usize = 256;

/// What the answers are made of.
#[derive(Clone)]
pub(crate) struct Pages {
    pub(crate) reader: Reader,
    pub(crate) shares: Arc<dyn ShareStore>,
    pub(crate) custody: Option<Arc<Custody>>,
}

#[derive(Deserialize)]
struct Window {
    last: Option<u64>,
    before: Option<u64>,
}

/// An error as it is answered.
#[derive(Debug)]
struct Refusal(Code, &'static str, String);

impl<E: Reason> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.code(), error.reason(), error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        weft_service::http::refusal(self.0, self.1, &self.2)
    }
}

impl Pages {
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/blocks", get(blocks))
            .route("/blocks/{height}", get(block))
            .route("/blobs/{namespace}/{hash}", get(blob))
            .with_state(self)
    }

    fn blocks(&self, window: &Window) -> Result<Value, Refusal> {
        let newest = self.shares.latest().map_err(ReadError::from)?.map_or(0, |signed| signed.header.height);
        let end = window.before.map_or(newest, |height| height.saturating_sub(1)).min(newest);
        let count = window.last.unwrap_or(DEFAULT_LAST).min(MAX_LAST).min(end);
        // Heights begin at 1 and have no gaps.
        let mut headers = self.reader.headers(end - count + 1, count as usize)?;
        headers.reverse();
        Ok(json!({ "newest": newest, "blocks": headers.iter().map(in_json).collect::<Vec<_>>() }))
    }

    fn block(&self, height: u64) -> Result<Value, Refusal> {
        let signed = self.reader.header(height)?;
        let signed = signed.ok_or_else(|| Plain::not_found(format_args!("DA block {height}")))?;
        let mut block = in_json(&signed);
        let index = self.reader.index(height)?;
        let entries = index.iter().flat_map(|index| index.entries()).take(MAX_ENTRIES).enumerate();
        block["entries"] = entries.map(|(position, entry)| entry_in_json(position as u32, entry)).collect();
        block["signature"] = json!(hex::encode_prefixed(signed.signature.0));
        self.rows(&signed, &mut block)?;
        Ok(block)
    }

    /// Which rows are here, and which should be.
    fn rows(&self, signed: &SignedHeader, block: &mut Value) -> Result<(), Refusal> {
        let (height, shape) = (signed.header.height, &signed.header.shape);
        let is_whole = height >= self.reader.first_whole()?;
        let member = self.custody.as_ref().filter(|custody| !custody.is_producer());
        let (held, share) = match member {
            None if is_whole => (json!("all"), json!("all")),
            // Past the sampling window nothing should be here, and nothing is.
            None => (bitmap(&[], shape.rows()), bitmap(&[], shape.rows())),
            Some(custody) => {
                let held = self.shares.rows_held(height).map_err(ReadError::from)?;
                let share = if is_whole { custody.own_rows(&signed.header) } else { Vec::new() };
                (bitmap(&held, shape.rows()), bitmap(&share, shape.rows()))
            }
        };
        (block["held"], block["share"]) = (held, share);
        if let Some(custody) = &self.custody {
            block["members"] = json!(custody.members().addresses());
            let certificate = self.shares.certificate(height).map_err(ReadError::from)?;
            block["attested"] = json!(certificate.map(|certificate| certificate.attestations.len()));
        }
        Ok(())
    }

    fn blob(&self, namespace: &str, hash: &str) -> Result<Value, Refusal> {
        let malformed = |words: String| Plain::invalid("MALFORMED", words);
        let namespace: Namespace = namespace.parse().map_err(|error| malformed(format!("{error}")))?;
        let hash: B256 = hash.parse().map_err(|error| malformed(format!("content hash: {error}")))?;
        let place = self.reader.prove_blob(&namespace, &hash)?;
        let place = place.ok_or_else(|| Plain::not_found(format_args!("blob {hash} in namespace {namespace}")))?;
        let mut blob = entry_in_json(place.proof.position, &place.proof.entry);
        blob["path"] = json!(place.proof.path);
        blob["block"] = in_json(&place.header);
        Ok(blob)
    }
}

fn in_json(signed: &SignedHeader) -> Value {
    let header = &signed.header;
    let shape = &header.shape;
    json!({
        "height": header.height,
        "hash": header.hash(),
        "prev_hash": header.prev_hash,
        "network_id": header.network_id,
        "time_ms": header.time_ms,
        "codec": match shape.codec() {
            weft_da::CodecId::Gf8 => "GF(2^8)",
            weft_da::CodecId::Gf16 => "GF(2^16)",
        },
        "originals": shape.k(),
        "rows": shape.rows(),
        "row_bytes": shape.row_len(),
        "payload_bytes": shape.total_len(),
        "blobs": header.blob_count,
        "data_root": header.data_root(),
        "row_root": header.row_root,
        "digest_root": header.digest_root,
        "blob_index_root": header.blob_index_root,
    })
}

fn entry_in_json(position: u32, entry: &BlobEntry) -> Value {
    json!({
        "position": position,
        "namespace": entry.namespace.to_string(),
        "hash": entry.hash,
        "offset": entry.offset,
        "length": entry.length,
    })
}

/// Bit `7 - i % 8` of byte `i / 8` is row `i`.
fn bitmap(rows: &[u32], of_rows: usize) -> Value {
    let mut bytes = vec![0u8; of_rows.div_ceil(8)];
    for row in rows {
        if let Some(byte) = bytes.get_mut(*row as usize / 8) {
            *byte |= 0x80 >> (row % 8);
        }
    }
    json!(hex::encode(bytes))
}

/// Reads block; what reads runs elsewhere.
async fn on_a_thread(
    pages: Pages,
    read: impl FnOnce(&Pages) -> Result<Value, Refusal> + Send + 'static,
) -> Result<Json<Value>, Refusal> {
    let answer = tokio::task::spawn_blocking(move || read(&pages)).await.map_err(Plain::internal)?;
    answer.map(Json)
}

async fn blocks(State(pages): State<Pages>, Query(window): Query<Window>) -> Result<Json<Value>, Refusal> {
    on_a_thread(pages, move |pages| pages.blocks(&window)).await
}

async fn block(State(pages): State<Pages>, Path(height): Path<u64>) -> Result<Json<Value>, Refusal> {
    on_a_thread(pages, move |pages| pages.block(height)).await
}

async fn blob(
    State(pages): State<Pages>,
    Path((namespace, hash)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    on_a_thread(pages, move |pages| pages.blob(&namespace, &hash)).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cache::BlockCache;
    use crate::store::{MemoryStore, Store};
    use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, Schedule};
    use weft_primitives::Signer;

    const NAME: Namespace = Namespace([5; 32]);

    /// Three blocks; the data of the last.
    fn pages() -> (Pages, Vec<u8>) {
        let store = Arc::new(MemoryStore::default());
        let signer = Signer::from_bytes([1; 32]).unwrap();
        let mut prev_hash = B256::ZERO;
        for height in 1..=3u8 {
            let packed = Packed::new(&[Blob::new(NAME, &[height; 900])], 1 << 20).unwrap();
            let block = EncodedBlock::encode(packed, Schedule::Sequential);
            let place = ChainPosition { network_id: 1, height: height.into(), prev_hash, time_ms: height.into() };
            let header = SignedHeader::sign(block.header(place), &signer);
            prev_hash = header.header.hash();
            store.append(&header, &block).unwrap();
        }
        let reader = Reader::new(store.clone(), Arc::new(BlockCache::new(1 << 20)));
        (Pages { reader, shares: store, custody: None }, vec![3; 900])
    }

    #[test]
    fn windows_are_bounded_and_go_back() {
        let (pages, _) = pages();
        let heights = |last, before| {
            let answer = pages.blocks(&Window { last, before }).unwrap();
            let blocks = answer["blocks"].as_array().unwrap();
            blocks.iter().map(|block| block["height"].as_u64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(heights(None, None), [3, 2, 1]);
        assert_eq!(heights(Some(2), None), [3, 2]);
        assert_eq!(heights(Some(u64::MAX), Some(3)), [2, 1]);
        assert!(heights(None, Some(1)).is_empty() && heights(None, Some(0)).is_empty());
        assert_eq!(heights(Some(1), Some(u64::MAX)), [3]);
        assert!(heights(Some(0), None).is_empty());
    }

    #[test]
    fn a_block_tells_of_its_blobs_and_a_blob_of_its_block() {
        let (pages, data) = pages();
        let block = pages.block(3).unwrap();
        assert_eq!((&block["held"], &block["rows"], &block["originals"]), (&json!("all"), &json!(256), &json!(64)));
        let hash = weft_da::blob_hash(&data);
        assert_eq!(block["entries"][0]["hash"], json!(hash));
        let blob = pages.blob(&NAME.to_string(), &hash.to_string()).unwrap();
        assert_eq!((&blob["block"]["height"], &blob["length"]), (&json!(3), &json!(900)));
        let reason = |refused: Result<Value, Refusal>| refused.unwrap_err().1;
        assert_eq!(reason(pages.block(4)), "NOT_FOUND");
        assert_eq!(reason(pages.blob("a", &B256::ZERO.to_string())), "NOT_FOUND");
        assert_eq!(reason(pages.blob("a", "0x1")), "MALFORMED");
    }

    #[test]
    fn rows_are_bits() {
        assert_eq!(bitmap(&[0, 9, 15], 16), json!("8041"));
        // A row that cannot be is no reason to fall over.
        assert_eq!(bitmap(&[99], 8), json!("00"));
    }
}
