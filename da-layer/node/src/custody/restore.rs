//! A producer's lost disk from the other members: their headers, and of each block any quarter of its rows.
//!
//! Invariant: a block is written only if it is signed by the node's own key,
//! links to the one before it, and is what its header commits to; and it is
//! written as when it was made, so a restore that was cut off goes on where it
//! was. Every member is asked how far the chain goes, because the node will sign
//! what comes after: what nobody says would be signed a second time.

use std::sync::Arc;

use tokio::sync::watch;
use weft_da::{EncodedBlock, Schedule, SignedHeader, verify_checkpoint, verify_header};
use weft_primitives::Address;
use weft_wire::RemoteError;

use super::gather::GatherError;
use super::{Custody, CustodyError};
use crate::archive::restore::Progress;
use crate::cache::BlockCache;
use crate::config::Config;
use crate::reader::Reader;
use crate::store::{RocksStore, Store, StoreError};

/// Headers asked for at once.
const PAGE: u32 = 1_000;

/// Why a restore from the members ended.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are no members.
    #[error("a restore needs --archive-url, or --peers: where the blocks come from")]
    NoSource,
    /// The custody cannot be.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// Only a producer has whole blocks.
    #[error(
        "this node keeps a share of the rows and gets it back by itself: just start it; restore is for the producer, {0}"
    )]
    NotProducer(Address),
    /// A member that does not answer may know of blocks that no other does.
    #[error(
        "member {member} does not answer ({error}); blocks that only it knows of would be signed again. \
             Start it, or go on without it: --allow-missing"
    )]
    Silent {
        /// Who.
        member: Address,
        /// How.
        error: RemoteError,
    },
    /// No member has a block of this node.
    #[error("no member that answers holds a DA block signed by {0}")]
    Empty(Address),
    /// The members have no header for a height below the newest.
    #[error("no member has a header of DA block {0} that follows the one before it; what was restored so far is kept")]
    NoHeader(u64),
    /// The rows are not to be had.
    #[error(
        "{0}; what was restored so far is kept, and the same command goes on. Blocks that have left the members' \
             sampling window are only in an archive"
    )]
    Rows(#[from] GatherError),
    /// What was rebuilt is not the block.
    #[error("DA block {0} does not decode: it was not encoded as its header says")]
    Damaged(u64),
}

impl Custody {
    /// Brings back every block that is missing here, and tells after each how far it is.
    pub(super) async fn restore(
        self: &Arc<Self>,
        allow_missing: bool,
        mut tell: impl FnMut(Progress),
    ) -> Result<Progress, RestoreError> {
        let target = self.newest_of_members(allow_missing).await?;
        let mut parent = self.store.latest()?;
        let height = parent.map_or(0, |signed| signed.header.height);
        let mut progress = Progress { height, target: target.max(height), ..Progress::default() };
        tell(progress);
        while progress.height < target {
            for signed in self.following(parent.as_ref(), progress.height + 1).await? {
                let block = self.block_of_members(&signed).await?;
                progress.bytes += block.rows().originals().len() as u64;
                tokio::task::block_in_place(|| self.store.append(&signed, &block))?;
                parent = Some(signed);
                progress.height = signed.header.height;
                progress.blocks += 1;
                tell(progress);
            }
        }
        self.restore_certificates(progress.height).await;
        Ok(progress)
    }

    /// Certificates up to `last`, as far as members have them; what is missing the members are asked to sign again.
    async fn restore_certificates(self: &Arc<Self>, last: u64) {
        for peer in &self.peers {
            if let Err(error) = self.certificates_from(peer, last).await {
                tracing::warn!(member = %peer.address(), %error, "certificates");
            }
        }
        if self.certified.height() < last {
            let from = self.certified.height() + 1;
            tracing::warn!(from, "the members do not have all certificates; blocks from there on are certified again");
        }
    }

    /// The greatest height that any member has of this node's chain.
    async fn newest_of_members(&self, allow_missing: bool) -> Result<u64, RestoreError> {
        let mut newest = 0;
        for peer in &self.peers {
            match peer.rows.header(None).await {
                Ok(signed) if verify_checkpoint(&signed, self.producer).is_ok() => {
                    newest = newest.max(signed.header.height)
                }
                Ok(_) => tracing::warn!(member = %peer.address(), "a member holds another chain"),
                Err(error) if allow_missing || error.reason == "NOT_FOUND" => {
                    tracing::warn!(member = %peer.address(), %error, "a member tells nothing");
                }
                Err(error) => return Err(RestoreError::Silent { member: peer.address(), error }),
            }
        }
        if newest == 0 { Err(RestoreError::Empty(self.producer)) } else { Ok(newest) }
    }

    /// Headers from `first` on that follow `parent`, of the first member that has some; at least one.
    async fn following(&self, parent: Option<&SignedHeader>, first: u64) -> Result<Vec<SignedHeader>, RestoreError> {
        for peer in &self.peers {
            let Ok(headers) = peer.rows.headers(first, PAGE).await else { continue };
            let mut newest = parent.copied();
            let good = |signed: &SignedHeader| {
                let network = signed.header.network_id == self.chain.network_id();
                let follows = network && verify_header(newest.as_ref(), signed, self.producer).is_ok();
                newest = Some(*signed);
                follows
            };
            let good: Vec<SignedHeader> = headers.into_iter().take_while(good).collect();
            if !good.is_empty() {
                return Ok(good);
            }
        }
        Err(RestoreError::NoHeader(first))
    }

    /// A whole block from the members' rows.
    async fn block_of_members(self: &Arc<Self>, signed: &SignedHeader) -> Result<EncodedBlock, RestoreError> {
        let header = signed.header;
        let frame = self.frame(signed).await?;
        let rows = self.rebuild_rows(&header, &frame.digests, Vec::new()).await?;
        let open = || EncodedBlock::from_originals(header.shape, rows.originals(), Schedule::Parallel);
        let block = tokio::task::block_in_place(open).map_err(|_| RestoreError::Damaged(header.height))?;
        if block.index().root() == header.blob_index_root {
            Ok(block)
        } else {
            Err(RestoreError::Damaged(header.height))
        }
    }
}

/// Restores the data folder of a producer that does not run.
pub async fn restore(
    config: &Config,
    allow_missing: bool,
    tell: impl FnMut(Progress),
) -> Result<Progress, RestoreError> {
    let custody = config.custody.clone().ok_or(RestoreError::NoSource)?;
    let own = config.signer.address();
    if let Some(producer) = custody.producer.filter(|producer| *producer != own) {
        return Err(RestoreError::NotProducer(producer));
    }
    let store = Arc::new(RocksStore::open(&config.data_dir)?);
    let reader = Reader::new(store.clone(), Arc::new(BlockCache::new(config.limits.cache_max_bytes)));
    let (latest, _) = watch::channel(store.latest()?);
    let custody = Custody::new(custody, (config.signer.clone(), config.network_id), store, reader, latest)?;
    custody.restore(allow_missing, tell).await
}
