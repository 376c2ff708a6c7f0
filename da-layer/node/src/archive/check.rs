//! Before a node signs anything: do its disk and its archive belong together?
//!
//! Invariant: a node runs only if the archive has no block beyond its own
//! newest, and no other block at a height that it has. Otherwise it would sign
//! a second block for a height that has one, or mix two chains in one place.

use weft_da::header::FIRST_HEIGHT;

use super::{Archive, ArchiveError};
use crate::store::{Store, StoreError};

/// Why a node must not start with this archive.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive cannot be read, so nobody knows what it holds.
    #[error("{0}; without knowing what the archive holds the node does not start")]
    Archive(#[from] ArchiveError),
    /// The disk was lost, or is an old copy.
    #[error(
        "the archive {url} holds DA blocks up to {archived} at least, the data folder only up to {local}; a node that \
         starts so would sign other blocks for the same heights. Restore first: \
         weft da restore --archive-url {url} --data-dir FOLDER --key-file KEY"
    )]
    Ahead {
        /// The archive.
        url: String,
        /// Newest height here.
        local: u64,
        /// A height in the archive.
        archived: u64,
    },
    /// Two chains.
    #[error("the archive {url} holds another DA block {height} than the data folder: it belongs to another node")]
    Forked {
        /// The archive.
        url: String,
        /// The height.
        height: u64,
    },
    /// The archive has lost what cannot be put again.
    #[error(
        "the archive {url} does not hold DA block {height}, which was put there, and whose rows are no longer here; \
         bring its objects back, or give the archive that has them"
    )]
    Lost {
        /// The archive.
        url: String,
        /// The height.
        height: u64,
    },
    /// An archive holds every block, and some have no rows any more.
    #[error(
        "rows of DA blocks below {first_whole} are no longer here, so an archive that is new cannot hold every block; \
         run without archive.url, or start a new data folder"
    )]
    TooLate {
        /// First height with rows.
        first_whole: u64,
    },
}

/// Compares the disk with the archive.
pub async fn check(store: &dyn Store, archive: &Archive) -> Result<(), CheckError> {
    let url = || archive.url().to_owned();
    let local = store.latest()?.map_or(0, |latest| latest.header.height);
    let (mark, first_whole) = (store.archived()?, store.first_whole()?);
    if mark == 0 && first_whole > FIRST_HEIGHT {
        return Err(CheckError::TooLate { first_whole });
    }
    let mut mark_found = mark == 0;
    let mut groups = vec![FIRST_HEIGHT, mark, local + 1];
    groups.dedup_by_key(|height| super::name::group_of(*height));
    for height in groups {
        for listed in archive.list(height).await? {
            if listed.height > local {
                return Err(CheckError::Ahead { url: url(), local, archived: listed.height });
            }
            let own = store.header(listed.height)?.map(|signed| signed.header.hash());
            if own != Some(listed.hash) {
                return Err(CheckError::Forked { url: url(), height: listed.height });
            }
            mark_found |= listed.height == mark;
        }
    }
    if !mark_found {
        if first_whole > FIRST_HEIGHT {
            return Err(CheckError::Lost { url: url(), height: mark });
        }
        tracing::warn!(url = archive.url(), "the archive is not the one of before; every block is uploaded again");
        archive.rewind(0)?;
    }
    Ok(())
}
