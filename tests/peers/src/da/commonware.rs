//! commonware's Reed-Solomon: no digests; whoever rebuilds encodes again to see that it was encoded rightly.

use std::num::{NonZeroU16, NonZeroUsize};
use std::time::Duration;

use commonware_coding::{Config, ReedSolomon, Scheme};
use commonware_cryptography::Blake3;
use commonware_parallel::Rayon;

use super::Peer;
use crate::timing::{Failure, timed};

type Coding = ReedSolomon<Blake3>;

/// As ours has for this blob.
const K: u16 = 4096;

pub struct Commonware<'a> {
    blob: &'a [u8],
    config: Config,
    strategy: Rayon,
    made: Option<(<Coding as Scheme>::Commitment, Vec<<Coding as Scheme>::Shard>)>,
}

impl<'a> Commonware<'a> {
    /// It has a pool of its own, of so many threads.
    pub fn new(blob: &'a [u8], threads: usize) -> Result<Self, Failure> {
        let count = |shards| NonZeroU16::new(shards).ok_or("no shards");
        let config = Config { minimum_shards: count(K)?, extra_shards: count(3 * K)? };
        let strategy = Rayon::new(NonZeroUsize::new(threads).ok_or("no threads")?).map_err(described)?;
        Ok(Self { blob, config, strategy, made: None })
    }

    fn rebuilt(&self) -> Result<Duration, Failure> {
        let (commitment, shards) = self.made.as_ref().ok_or("not published")?;
        let checked = (3 * K..4 * K)
            .map(|at| Coding::check(&self.config, commitment, at, &shards[usize::from(at)], &self.strategy))
            .collect::<Result<Vec<_>, _>>()
            .map_err(described)?;
        let (took, data) = timed(|| Coding::decode(&self.config, commitment, checked.iter(), &self.strategy));
        if data.map_err(described)? == self.blob { Ok(took) } else { Err("commonware rebuilt another blob".into()) }
    }
}

fn described(error: impl std::fmt::Debug) -> Failure {
    format!("commonware: {error:?}").into()
}

impl Peer for Commonware<'_> {
    const NAME: &'static str = "commonware-coding 2026.10.0 ReedSolomon<Blake3> (4096 + 12288 shards, no digests)";
    const REBUILD_NOTE: &'static str = "";

    fn payload_len(&self) -> usize {
        self.blob.len()
    }

    fn publish(&mut self) -> Result<Duration, Failure> {
        self.made = None;
        let (took, made) = timed(|| Coding::encode(&self.config, self.blob, &self.strategy));
        self.made = Some(made.map_err(described)?);
        Ok(took)
    }

    fn rebuild(&mut self) -> Option<Result<Duration, Failure>> {
        Some(self.rebuilt())
    }

    fn check(&mut self, samples: usize) -> Result<Duration, Failure> {
        let (commitment, shards) = self.made.as_ref().ok_or("not published")?;
        let last = 4 * usize::from(K) - samples;
        let (took, all) = timed(|| {
            shards[last..].iter().enumerate().all(|(at, shard)| {
                Coding::check(&self.config, commitment, (last + at) as u16, shard, &self.strategy).is_ok()
            })
        });
        if all { Ok(took) } else { Err("commonware refused its own shard".into()) }
    }
}
