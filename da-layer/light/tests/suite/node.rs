//! A node of a test: serves the world, with the lies that it was told to tell. In memory here; see `server` for gRPC.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use weft_da::{BlobEntry, BlobProof, SignedHeader};
use weft_light::source::{Answer, NodeInfo, RowAnswer, Source, SourceError};
use weft_primitives::{B256, Namespace};

use crate::world::{NETWORK, Published, World, signer};

/// What a node does other than it should.
#[derive(Clone, Debug, Default)]
pub struct Lies {
    /// A byte of every row is another.
    pub flip_rows: bool,
    /// A byte of the digests is another.
    pub flip_digests: bool,
    /// Rows are cut short.
    pub short_rows: bool,
    /// Other rows are sent than were asked for.
    pub other_rows: bool,
    /// Only rows below this share of all are served, in 1/1000; the others are said to be missing.
    pub serve_permille: Option<u32>,
    /// Rows below this share of all are said to be missing, in 1/1000.
    pub withhold_permille: Option<u32>,
    /// Only rows of these classes are kept, as a custody node would: (class, how many classes, how many are kept).
    pub custody: Option<(u32, u32, u32)>,
    /// Rows are those of the height below, or above the first.
    pub swap_heights: bool,
    /// Digests are those of the height below, or above the first.
    pub other_digests: bool,
    /// Every row is the one after it, with its path.
    pub shift_rows: bool,
    /// Answers of rows stall after this many.
    pub stall_after: Option<usize>,
    /// No blob is known.
    pub hide_blobs: bool,
    /// Proofs of blobs do not hold.
    pub forge_proofs: bool,
    /// Digests are said to be missing.
    pub no_digests: bool,
    /// Requests for rows are never answered.
    pub stall_rows: bool,
    /// Requests for digests are never answered.
    pub stall_digests: bool,
    /// Headers are never sent.
    pub stall_headers: bool,
    /// Subscriptions are open but silent.
    pub stall_subscriptions: bool,
    /// Connections break when rows are asked for.
    pub break_rows: bool,
    /// These headers instead of the world's.
    pub headers: BTreeMap<u64, SignedHeader>,
    /// Another signer is named.
    pub other_signer: bool,
}

pub struct TestNode {
    pub name: String,
    pub world: Arc<World>,
    lies: Mutex<Lies>,
    /// Height and index of every row asked for.
    asked: Mutex<Vec<(u64, u32)>>,
}

impl TestNode {
    pub fn new(name: &str, world: &Arc<World>, lies: Lies) -> Arc<Self> {
        Arc::new(Self { name: name.to_owned(), world: world.clone(), lies: Mutex::new(lies), asked: Mutex::default() })
    }

    pub fn lies(&self) -> Lies {
        self.lies.lock().unwrap().clone()
    }

    pub fn set_lies(&self, lies: Lies) {
        *self.lies.lock().unwrap() = lies;
    }

    /// Rows of a height that it was asked for.
    pub fn asked(&self, height: u64) -> BTreeSet<u32> {
        self.asked.lock().unwrap().iter().filter(|(at, _)| *at == height).map(|(_, row)| *row).collect()
    }

    pub fn asked_count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub fn node_info(&self) -> NodeInfo {
        let latest = self.world.latest();
        let signer = if self.lies().other_signer { [9; 20].into() } else { signer().address() };
        NodeInfo { network_id: NETWORK, signer, latest_height: (latest > 0).then_some(latest) }
    }

    /// The header as this node shows it.
    pub async fn shown_header(&self, height: Option<u64>) -> Answer<SignedHeader> {
        let lies = self.lies();
        if lies.stall_headers {
            std::future::pending::<()>().await;
        }
        let height = height.unwrap_or(self.world.latest());
        let published = self.world.at(height).ok_or(SourceError::NotFound)?;
        Ok(lies.headers.get(&height).copied().unwrap_or(published.header))
    }

    pub async fn shown_headers(&self, from: u64, limit: u32) -> Answer<Vec<SignedHeader>> {
        let mut headers = Vec::new();
        for height in from..=self.world.latest().min(from + u64::from(limit) - 1) {
            headers.push(self.shown_header(Some(height)).await?);
        }
        Ok(headers)
    }

    pub async fn shown_digests(&self, height: u64) -> Answer<Vec<u8>> {
        let lies = self.lies();
        if lies.stall_digests {
            std::future::pending::<()>().await;
        }
        let published = self.world.at(height).filter(|_| !lies.no_digests).ok_or(SourceError::NotFound)?;
        let published = if lies.other_digests { self.neighbour(height)? } else { published };
        let mut digests = published.block.rows().digest_bytes().to_vec();
        if lies.flip_digests {
            digests[5] ^= 1;
        }
        Ok(digests)
    }

    pub async fn shown_rows(&self, height: u64, indices: &[u32]) -> Answer<Vec<RowAnswer>> {
        let lies = self.lies();
        self.asked.lock().unwrap().extend(indices.iter().map(|row| (height, *row)));
        if lies.stall_rows {
            std::future::pending::<()>().await;
        }
        if lies.break_rows {
            return Err(SourceError::Unreachable("broken".to_owned()));
        }
        let honest = self.world.at(height).ok_or(SourceError::NotFound)?;
        let block = if lies.swap_heights { self.neighbour(height)? } else { honest }.block;
        let rows = block.shape().rows() as u32;
        let answer = |index: &u32| {
            let index = if lies.other_rows { (index + 1) % rows } else { *index };
            if lies.serve_permille.is_some_and(|share| index * 1_000 / rows >= share) {
                return RowAnswer::Missing(index);
            }
            if lies.withhold_permille.is_some_and(|share| index * 1_000 / rows < share) {
                return RowAnswer::Missing(index);
            }
            if lies.custody.is_some_and(|(class, of, kept)| (index * 7 + class) % of >= kept) {
                return RowAnswer::Missing(index);
            }
            let mut proof = block.row(if lies.shift_rows { (index + 1) % rows } else { index }).unwrap();
            proof.index = index;
            if lies.flip_rows {
                proof.row[3] ^= 1;
            }
            if lies.short_rows {
                proof.row.pop();
            }
            RowAnswer::Row(proof)
        };
        Ok(indices.iter().map(answer).collect())
    }

    fn neighbour(&self, height: u64) -> Answer<Published> {
        let neighbour = if height > 1 { height - 1 } else { 2 };
        self.world.at(neighbour).ok_or(SourceError::NotFound)
    }

    /// The same one by one.
    pub async fn shown_row_stream(
        &self,
        height: u64,
        indices: &[u32],
    ) -> Answer<BoxStream<'static, Answer<RowAnswer>>> {
        let rows = self.shown_rows(height, indices).await?.into_iter().map(Ok);
        Ok(match self.lies().stall_after {
            Some(count) => stream::iter(rows.take(count)).chain(stream::pending()).boxed(),
            None => stream::iter(rows).boxed(),
        })
    }

    pub async fn shown_blob_proof(&self, namespace: Namespace, hash: B256) -> Answer<(SignedHeader, BlobProof)> {
        let lies = self.lies();
        let found = (1..=self.world.latest()).find_map(|height| {
            let block = self.world.at(height)?.block;
            let same = |entry: &BlobEntry| (entry.namespace, entry.hash) == (namespace, hash);
            let position = block.index().entries().iter().position(same)?;
            Some((height, block.index().prove(position as u32)?))
        });
        let (height, mut proof) = found.filter(|_| !lies.hide_blobs).ok_or(SourceError::NotFound)?;
        if lies.forge_proofs {
            proof.entry.offset += 1;
        }
        Ok((self.shown_header(Some(height)).await?, proof))
    }

    /// All headers from a height on, then each new one.
    pub fn shown_stream(self: &Arc<Self>, from: u64) -> BoxStream<'static, Answer<SignedHeader>> {
        let node = self.clone();
        let latest = self.world.subscribe();
        let next = move |(height, mut latest): (u64, tokio::sync::watch::Receiver<u64>)| {
            let node = node.clone();
            async move {
                if node.lies().stall_subscriptions {
                    std::future::pending::<()>().await;
                }
                latest.wait_for(|latest| *latest >= height).await.ok()?;
                Some((node.shown_header(Some(height)).await, (height + 1, latest)))
            }
        };
        stream::unfold((from, latest), next).boxed()
    }
}

/// The node without a network between.
pub struct InMemory(pub Arc<TestNode>);

impl Source for InMemory {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn info(&self) -> BoxFuture<'_, Answer<NodeInfo>> {
        Box::pin(async { Ok(self.0.node_info()) })
    }

    fn header(&self, height: Option<u64>) -> BoxFuture<'_, Answer<SignedHeader>> {
        Box::pin(self.0.shown_header(height))
    }

    fn headers(&self, from_height: u64, limit: u32) -> BoxFuture<'_, Answer<Vec<SignedHeader>>> {
        Box::pin(self.0.shown_headers(from_height, limit))
    }

    fn subscribe(&self, from_height: u64) -> BoxFuture<'_, Answer<BoxStream<'static, Answer<SignedHeader>>>> {
        Box::pin(async move { Ok(self.0.shown_stream(from_height)) })
    }

    fn digests(&self, height: u64) -> BoxFuture<'_, Answer<Vec<u8>>> {
        Box::pin(self.0.shown_digests(height))
    }

    fn rows(&self, height: u64, indices: Vec<u32>) -> BoxFuture<'_, Answer<BoxStream<'static, Answer<RowAnswer>>>> {
        Box::pin(async move { self.0.shown_row_stream(height, &indices).await })
    }

    fn blob_proof(&self, namespace: Namespace, hash: B256) -> BoxFuture<'_, Answer<(SignedHeader, BlobProof)>> {
        Box::pin(self.0.shown_blob_proof(namespace, hash))
    }
}
