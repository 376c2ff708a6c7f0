//! Weft's services on the wire: generated gRPC code, its translation to domain types, and typed clients.
//!
//! Generated types appear only as `pb::X`; whoever takes one from a peer
//! converts it at once ([`convert`]), so that nothing unchecked goes further.
//! [`status`] is the only place where a `tonic::Status` is made or read.

pub mod client;
pub mod convert;
pub mod status;
pub mod trace;

pub use client::{CustodyClient, DaClient, LightClient, MirrorClient, SequencerClient, SettlementClient};
pub use convert::WireError;
pub use status::{Reason, RemoteError};

/// Generated code, one module for each protocol package.
#[allow(missing_docs, clippy::all, rustdoc::all)]
pub mod pb {
    pub mod common {
        pub mod v1 {
            tonic::include_proto!("weft.common.v1");
        }
    }
    pub mod sequencer {
        pub mod v1 {
            tonic::include_proto!("weft.sequencer.v1");
        }
    }
    pub mod da {
        pub mod v1 {
            tonic::include_proto!("weft.da.v1");
        }
    }
    pub mod light {
        pub mod v1 {
            tonic::include_proto!("weft.light.v1");
        }
    }
    pub mod settlement {
        pub mod v1 {
            tonic::include_proto!("weft.settlement.v1");
        }
    }
}

/// Descriptors of all protocol files, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Largest message that clients and servers take: a DA block's digests or a full block, with room.
pub const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// Bytes of one chunk of a blob stream.
pub const CHUNK_BYTES: usize = 1 << 20;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use prost::Message;

    #[test]
    fn the_descriptors_tell_all_services() {
        let set = prost_types::FileDescriptorSet::decode(super::FILE_DESCRIPTOR_SET).unwrap();
        let services: Vec<_> = set
            .file
            .iter()
            .flat_map(|file| file.service.iter().map(|service| format!("{}.{}", file.package(), service.name())))
            .collect();
        assert_eq!(
            services,
            [
                "weft.sequencer.v1.Sequencer",
                "weft.da.v1.DataAvailability",
                "weft.da.v1.Custody",
                "weft.light.v1.LightClient",
                "weft.settlement.v1.Settlement",
                "weft.settlement.v1.LogMirror"
            ]
        );
        assert!(set.file.iter().any(|file| file.package() == "weft.common.v1"));
    }
}
