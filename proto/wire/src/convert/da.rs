//! DA headers, rows and proofs.

use weft_da::{BlobEntry, BlobProof, CodecId, Header, NamespaceProof, RowProof, Shape, SignedHeader};
use weft_primitives::Namespace;

use super::field::{WireError, bytes, hash, hashes, required, signature};
use crate::pb::da::v1 as pb;

impl From<&Header> for pb::Header {
    fn from(header: &Header) -> Self {
        let codec = match header.shape.codec() {
            CodecId::Gf8 => pb::Codec::Gf8,
            CodecId::Gf16 => pb::Codec::Gf16,
        };
        Self {
            version: weft_da::header::HEADER_VERSION.into(),
            network_id: header.network_id,
            height: header.height,
            prev_hash: bytes(header.prev_hash),
            time_ms: header.time_ms,
            codec: codec.into(),
            k: header.shape.k() as u32,
            row_len: header.shape.row_len() as u32,
            total_len: header.shape.total_len(),
            row_root: bytes(header.row_root),
            digest_root: bytes(header.digest_root),
            blob_index_root: bytes(header.blob_index_root),
            blob_count: header.blob_count,
        }
    }
}

impl TryFrom<pb::Header> for Header {
    type Error = WireError;

    fn try_from(header: pb::Header) -> Result<Self, WireError> {
        if header.version != u32::from(weft_da::header::HEADER_VERSION) {
            return Err(WireError::new("version", "unknown header version"));
        }
        let codec = match header.codec() {
            pb::Codec::Gf8 => CodecId::Gf8,
            pb::Codec::Gf16 => CodecId::Gf16,
            pb::Codec::Unspecified => return Err(WireError::new("codec", "unknown codec")),
        };
        let shape = Shape::checked(codec, header.k, header.row_len, header.total_len)
            .map_err(|error| WireError::new("shape", error.to_string()))?;
        let converted = Self {
            network_id: header.network_id,
            height: header.height,
            prev_hash: hash("prev_hash", &header.prev_hash)?,
            time_ms: header.time_ms,
            shape,
            row_root: hash("row_root", &header.row_root)?,
            digest_root: hash("digest_root", &header.digest_root)?,
            blob_index_root: hash("blob_index_root", &header.blob_index_root)?,
            blob_count: header.blob_count,
        };
        // What has no canonical bytes is no header: one judge for both forms.
        Self::decode(&converted.encode()).map_err(|error| WireError::new("header", error.to_string()))
    }
}

impl From<&SignedHeader> for pb::SignedHeader {
    fn from(signed: &SignedHeader) -> Self {
        Self { header: Some((&signed.header).into()), signature: bytes(signed.signature.0) }
    }
}

impl TryFrom<pb::SignedHeader> for SignedHeader {
    type Error = WireError;

    fn try_from(signed: pb::SignedHeader) -> Result<Self, WireError> {
        Ok(Self {
            header: required("header", signed.header)?.try_into()?,
            signature: signature("signature", &signed.signature)?,
        })
    }
}

impl From<RowProof> for pb::Row {
    fn from(proof: RowProof) -> Self {
        Self { data: proof.row.into(), path: proof.path.iter().map(bytes).collect() }
    }
}

impl pb::Row {
    /// The row and its path; neither is verified here.
    pub fn into_proof(self, index: u32) -> Result<RowProof, WireError> {
        Ok(RowProof { index, row: self.data.into(), path: hashes("path", &self.path)? })
    }
}

impl From<&BlobEntry> for pb::BlobEntry {
    fn from(entry: &BlobEntry) -> Self {
        Self {
            namespace: bytes(entry.namespace.0),
            content_hash: bytes(entry.hash),
            offset: entry.offset,
            length: entry.length,
        }
    }
}

impl TryFrom<pb::BlobEntry> for BlobEntry {
    type Error = WireError;

    fn try_from(entry: pb::BlobEntry) -> Result<Self, WireError> {
        Ok(Self {
            namespace: Namespace(hash("namespace", &entry.namespace)?.0),
            hash: hash("content_hash", &entry.content_hash)?,
            offset: entry.offset,
            length: entry.length,
        })
    }
}

/// Where a blob is, from its proof and height.
pub fn blob_ref(height: u64, proof: &BlobProof) -> pb::BlobRef {
    pb::BlobRef {
        namespace: bytes(proof.entry.namespace.0),
        content_hash: bytes(proof.entry.hash),
        height,
        index: proof.position,
        offset: proof.entry.offset,
        length: proof.entry.length,
    }
}

impl From<&BlobProof> for pb::BlobProof {
    fn from(proof: &BlobProof) -> Self {
        Self { index: proof.position, path: proof.path.iter().map(bytes).collect() }
    }
}

/// The proof of a blob; not verified here.
pub fn blob_proof(blob: &pb::BlobRef, proof: &pb::BlobProof) -> Result<BlobProof, WireError> {
    if proof.index != blob.index {
        return Err(WireError::new("index", "differs between the blob and its proof"));
    }
    let entry = BlobEntry {
        namespace: Namespace(hash("namespace", &blob.namespace)?.0),
        hash: hash("content_hash", &blob.content_hash)?,
        offset: blob.offset,
        length: blob.length,
    };
    Ok(BlobProof { position: proof.index, entry, path: hashes("path", &proof.path)? })
}

impl From<&NamespaceProof> for pb::NamespaceProof {
    fn from(proof: &NamespaceProof) -> Self {
        Self {
            first_index: proof.first,
            run: proof.entries.iter().map(Into::into).collect(),
            outside: proof.outside.iter().map(bytes).collect(),
        }
    }
}

/// The proof of a listing; not verified here.
pub fn namespace_proof(proof: pb::NamespaceProof) -> Result<NamespaceProof, WireError> {
    Ok(NamespaceProof {
        first: proof.first_index,
        entries: proof.run.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        outside: hashes("outside", &proof.outside)?,
    })
}
