//! A lost disk from the archive, block by block.
//!
//! Invariant: a block is written only if it is signed by the node's own key,
//! links to the one before it, and encodes to what its header commits to; and
//! it is written as when it was made. So a restore that was cut off goes on
//! where it was, and what is old is thinned on the way, lest the disk hold more
//! than the node would.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use weft_da::{EncodedBlock, SignedHeader, verify_header};
use weft_primitives::Address;
use weft_service::clock::SystemClock;

use super::{Archive, ArchiveConfig, ArchiveError, Listed, object};
use crate::config::Config;
use crate::retention::{Sweeper, Turn};
use crate::store::{RocksStore, Store, StoreError};

/// Blocks fetched ahead.
const AHEAD: usize = 4;

/// Why a restore ended.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive failed, or holds something damaged.
    #[error("{0}; what was restored so far is kept, and the same command goes on")]
    Archive(#[from] ArchiveError),
    /// The archive is empty.
    #[error("the archive {0} holds no DA block")]
    Empty(String),
    /// A block is no successor, or signed by another key.
    #[error("DA block {height} in the archive: {fault}; this needs the key file of the node that wrote the archive")]
    Foreign {
        /// Its height.
        height: u64,
        /// What is wrong with its header.
        fault: weft_da::signed::HeaderFault,
    },
    /// The archive is of another network.
    #[error("the archive is of DA network {found}, this node is of {expected} (network_id)")]
    Network {
        /// In the archive.
        found: u64,
        /// The node's.
        expected: u64,
    },
    /// Two blocks at one height, or another one than here.
    #[error("the archive holds another DA block {height} beside, or instead of, the one that is known")]
    Forked {
        /// The height.
        height: u64,
    },
    /// Blocks are missing below the newest.
    #[error("the archive lacks DA block {height}, though it goes up to {tip}; bring its objects back")]
    Hole {
        /// First missing height.
        height: u64,
        /// Greatest height.
        tip: u64,
    },
}

/// How far a restore is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Newest height here.
    pub height: u64,
    /// Where it will end.
    pub target: u64,
    /// Blocks that this run wrote.
    pub blocks: u64,
    /// Their bytes there.
    pub bytes: u64,
}

/// What is restored, and for whom.
pub struct Restore {
    /// Where to.
    pub store: Arc<dyn Store>,
    /// Where from.
    pub archive: Arc<Archive>,
    /// Thins what is too old.
    pub sweeper: Sweeper,
    /// Whose blocks are taken.
    pub signer: Address,
    /// Of which network.
    pub network_id: u64,
    /// Last height wanted; the newest for `None`.
    pub to: Option<u64>,
}

impl Restore {
    /// Brings everything back that is missing here, and tells after each block how far it is.
    pub async fn run(mut self, mut tell: impl FnMut(Progress)) -> Result<Progress, RestoreError> {
        let mut parent = self.store.latest()?;
        self.same_chain(parent.as_ref()).await?;
        let tip = self.archive.tip().await?;
        if tip == 0 {
            return Err(RestoreError::Empty(self.archive.url().to_owned()));
        }
        let height = parent.map_or(0, |signed| signed.header.height);
        let target = self.to.unwrap_or(tip).min(tip).max(height);
        let mut progress = Progress { height, target, ..Progress::default() };
        tell(progress);
        while progress.height < target {
            let wanted = self.wanted(progress.height + 1, target, tip).await?;
            let archive = self.archive.clone();
            let fetched = stream::iter(wanted).map(move |listed| {
                let archive = archive.clone();
                async move { Ok::<_, RestoreError>((listed, fetch(&archive, listed).await?)) }
            });
            let mut fetched = std::pin::pin!(fetched.buffered(AHEAD));
            while let Some((listed, bytes)) = fetched.try_next().await? {
                let open = || object::open(listed.height, listed.hash, &bytes);
                let (signed, block) = tokio::task::block_in_place(open)?;
                self.judge(parent.as_ref(), &signed)?;
                self.write(&signed, &block)?;
                parent = Some(signed);
                progress.height = listed.height;
                progress.blocks += 1;
                progress.bytes += listed.length;
                tell(progress);
            }
        }
        self.sweep()?;
        self.sweeper.reclaim()?;
        Ok(progress)
    }

    /// What is here already must be what the archive has at that height. If it has it, it has all below too.
    async fn same_chain(&self, newest: Option<&SignedHeader>) -> Result<(), RestoreError> {
        let Some(newest) = newest else { return Ok(()) };
        let height = newest.header.height;
        for listed in self.archive.list(height).await?.iter().filter(|listed| listed.height == height) {
            if listed.hash != newest.header.hash() {
                return Err(RestoreError::Forked { height });
            }
            self.store.set_archived(height)?;
        }
        Ok(())
    }

    /// The blocks from `first` on in its group, without a gap; at least one.
    async fn wanted(&self, first: u64, target: u64, tip: u64) -> Result<Vec<Listed>, RestoreError> {
        let listed = self.archive.list(first).await?;
        let mut wanted: Vec<Listed> = Vec::new();
        for block in listed.into_iter().filter(|block| (first..=target).contains(&block.height)) {
            let height = first + wanted.len() as u64;
            if block.height < height {
                return Err(RestoreError::Forked { height: block.height });
            }
            if block.height > height {
                return Err(RestoreError::Hole { height, tip });
            }
            wanted.push(block);
        }
        if wanted.is_empty() { Err(RestoreError::Hole { height: first, tip }) } else { Ok(wanted) }
    }

    fn judge(&self, parent: Option<&SignedHeader>, signed: &SignedHeader) -> Result<(), RestoreError> {
        let height = signed.header.height;
        verify_header(parent, signed, self.signer).map_err(|fault| RestoreError::Foreign { height, fault })?;
        if signed.header.network_id != self.network_id {
            return Err(RestoreError::Network { found: signed.header.network_id, expected: self.network_id });
        }
        Ok(())
    }

    fn write(&mut self, signed: &SignedHeader, block: &EncodedBlock) -> Result<(), RestoreError> {
        tokio::task::block_in_place(|| {
            self.store.append(signed, block)?;
            self.store.set_archived(signed.header.height)?;
            while let Some(due) = self.sweeper.due()? {
                self.sweeper.thin(&due)?;
            }
            while matches!(self.sweeper.expire()?, Turn::Removed(_)) {}
            Ok(self.sweeper.reclaim_if_due()?)
        })
    }

    fn sweep(&mut self) -> Result<(), StoreError> {
        tokio::task::block_in_place(|| {
            while let Some(due) = self.sweeper.due()? {
                self.sweeper.thin(&due)?;
            }
            while self.sweeper.expire()? != Turn::Idle {}
            Ok(())
        })
    }
}

/// Restores the data folder of a node that does not run.
pub async fn restore(
    config: &Config,
    archive: ArchiveConfig,
    to: Option<u64>,
    tell: impl FnMut(Progress),
) -> Result<Progress, RestoreError> {
    let store: Arc<dyn Store> = Arc::new(RocksStore::open(&config.data_dir)?);
    let archive = Arc::new(Archive::open(archive, store.clone())?);
    let sweeper = Sweeper::new(store.clone(), config.retention.clone(), Arc::new(SystemClock));
    let (signer, network_id) = (config.signer.address(), config.network_id);
    Restore { store, archive, sweeper, signer, network_id, to }.run(tell).await
}

async fn fetch(archive: &Archive, listed: Listed) -> Result<Bytes, ArchiveError> {
    let Listed { height, hash, length } = listed;
    // Longer than any block can be: not worth a download.
    if length > object::MAX_BYTES {
        return Err(ArchiveError::Damaged { height, what: "it is longer than any block" });
    }
    archive.get(height, hash, length).await
}
