//! Several nodes that share the rows of one DA network.
//!
//! One of them, the producer, takes blobs, makes blocks and keeps them whole.
//! Each block's rows are spread over the members ([`weft_da::custody`]); the
//! producer hands every member its share ([`push`]), the member verifies it,
//! stores it and attests ([`receive`]), and with the word of two thirds the
//! block is certified ([`certify`]) and its blobs are acknowledged. A member
//! follows the headers and the certificates by itself ([`follow`],
//! [`certificates`]); what it misses of its share, for
//! whatever reason, it gets from the others or rebuilds from any quarter of the
//! rows ([`scrub`], [`gather`]): after an outage, on a new disk, and when
//! members come or go. There is no other way of catching up.
//!
//! Deliberately absent: a second producer, and agreement about who the members
//! are. Each node is told; while they are told differently, rows are merely
//! looked for in more places.

mod certificates;
mod certify;
mod config;
mod fetch;
mod follow;
mod gather;
mod grpc;
mod headers;
mod peer;
mod push;
mod receive;
mod restore;
mod scrub;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use tokio::sync::watch;
use weft_da::custody::Members;
use weft_da::{Header, SignedHeader};
use weft_primitives::{Address, Signer};
use weft_service::Shutdown;
use weft_service::tasks::{Panicked, TaskSet};

use crate::reader::Reader;
use crate::store::ShareStore;

pub use certify::{Certified, NotCertified};
pub use config::{CustodyConfig, CustodyLimits};
pub use gather::GatherError;
pub use grpc::{CustodyService, SERVICE};
pub use headers::{HeaderChain, HeaderRefused};
pub use peer::{PeerAddress, PeerAddressError};
pub use restore::{RestoreError, restore};

use peer::Peer;

/// What all parts of a custody know.
pub struct Custody {
    signer: Signer,
    members: Members,
    /// All members but this node.
    peers: Vec<Peer>,
    /// Who signs the headers.
    producer: Address,
    limits: CustodyLimits,
    store: Arc<dyn ShareStore>,
    reader: Reader,
    chain: HeaderChain,
    certified: Certified,
}

/// Starts what a member does by itself, until shutdown. Whatever fails in it is tried again.
pub(crate) fn spawn<E: From<Panicked> + Send + 'static>(
    custody: &Arc<Custody>,
    parts: &mut TaskSet<E>,
    shutdown: &Shutdown,
) {
    let mut part = |name, work: BoxFuture<'static, ()>| {
        let stop = shutdown.clone();
        parts.spawn(name, async move {
            stop.unless(work).await;
            Ok(())
        });
    };
    if custody.is_producer() {
        part("custody-attest", push::attest(custody.clone()).boxed());
        (0..custody.peers.len()).for_each(|at| part("custody-push", push::push(custody.clone(), at).boxed()));
    } else {
        part("custody-follow", follow::follow(custody.clone()).boxed());
        part("custody-certificates", certificates::follow(custody.clone()).boxed());
    }
    let (whole, again) = (custody.clone(), custody.clone());
    part("custody-complete", async move { whole.complete().await }.boxed());
    part("custody-scrub", async move { again.look_again().await }.boxed());
}

impl Custody {
    /// From what the operator set. `latest` is told of new headers.
    pub fn new(
        config: CustodyConfig,
        (signer, network_id): (Signer, u64),
        store: Arc<dyn ShareStore>,
        reader: Reader,
        latest: watch::Sender<Option<SignedHeader>>,
    ) -> Result<Arc<Self>, CustodyError> {
        let own = signer.address();
        let CustodyConfig { peers, copies, producer, limits } = config;
        let mut addresses: Vec<Address> = peers.iter().map(|peer| peer.address).collect();
        if !addresses.contains(&own) {
            addresses.push(own);
        }
        let copies = copies.min(u8::try_from(addresses.len()).unwrap_or(u8::MAX));
        let members = Members::new(addresses, copies)?;
        let others = peers.into_iter().filter(|peer| peer.address != own);
        let peers = others.map(Peer::new).collect::<Result<Vec<_>, _>>()?;
        let producer = producer.unwrap_or(own);
        let chain = HeaderChain::new(store.clone(), latest, producer, network_id);
        let certified = Certified::new(store.clone(), members.clone())?;
        Ok(Arc::new(Self { signer, members, peers, producer, limits, store, reader, chain, certified }))
    }

    /// Whether this node makes the blocks.
    pub fn is_producer(&self) -> bool {
        self.signer.address() == self.producer
    }

    /// Who signs the headers.
    pub const fn producer(&self) -> Address {
        self.producer
    }

    /// Who shares the rows of new blocks.
    pub const fn members(&self) -> &Members {
        &self.members
    }

    /// How far blocks are certified.
    pub const fn certified(&self) -> &Certified {
        &self.certified
    }

    /// A height above this node's newest for which a member holds a header that this node's own key signed: its disk was
    /// lost, or is an old copy. Members that do not answer cannot tell.
    pub async fn signed_before(&self) -> Option<u64> {
        let newest = self.peers.iter().map(|peer| peer.rows.header(None));
        let known = futures::future::join_all(newest).await.into_iter().flatten();
        let own = known.filter(|signed| weft_da::verify_checkpoint(signed, self.producer).is_ok());
        own.map(|signed| signed.header.height).max().filter(|height| *height > self.chain.height())
    }

    /// This node's place among the members.
    fn place(&self) -> usize {
        self.members.position(&self.signer.address()).unwrap_or(usize::MAX)
    }

    /// Rows of a block that are this node's share.
    pub(crate) fn own_rows(&self, header: &Header) -> Vec<u32> {
        self.members.assign(&header.shape, header.row_root).rows_of(self.place())
    }
}

/// Why a custody cannot be.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// The members are none.
    #[error("--peers: {0}")]
    Members(#[from] weft_da::custody::MembersError),
    /// A peer's URL is none.
    #[error("--peers: {0}")]
    Url(#[from] weft_wire::client::EndpointError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}
