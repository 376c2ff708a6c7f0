//! Taking entries back: first their hashes up to the signed head, then each transition as it was made at first.
//!
//! Nothing is written before the whole way to the signed head was seen. The
//! second time each entry must have the hash that it had the first time.

use futures::{Stream, StreamExt};
use weft_primitives::B256;
use weft_service::backoff::Backoff;
use weft_settlement::{Chain, Effect, Event, LogEntry, Mode, Parent, Replay};
use weft_wire::client::MirroredHead;
use weft_wire::{MirrorClient, RemoteError};

use super::{Mirrors, Refused};
use crate::engine::Restored;
use crate::metrics;
use crate::store::{MAX_PAGE, StateWrite};
use crate::verifier::{Executor, Outcome, Wait, download};

/// Why a head ends entries too early.
fn ended(seq: u64) -> Refused {
    Refused::Unlinked { seq }
}

impl Mirrors {
    /// Takes back all entries up to `head`, which is signed. Returns how many.
    pub(super) async fn restore(&self, mirror: &MirrorClient, head: &MirroredHead) -> Result<u64, Refused> {
        let own = self.engine.chain();
        let from = own.head().log_seq;
        let hashes = hashes(mirror.read(from + 1).await?, &own, head).await?;
        let mut replay = self.replay(&own).await?;
        let mut executor = Executor::new(self.config.clone(), self.store.clone());
        let mut entries = mirror.read(from + 1).await?;
        for (seq, hash) in (from + 1..).zip(&hashes) {
            let entry = entries.next().await.ok_or_else(|| ended(seq))??;
            if entry.seq != seq || entry.hash() != *hash {
                return Err(Refused::Unlinked { seq });
            }
            let state = self.state_after(replay.chain(), &entry, &mut executor).await?;
            let effects = replay.push(&entry)?;
            if effects.is_empty() {
                continue;
            }
            // What follows from the entry is what was signed, too.
            for appended in effects.iter().filter_map(appended) {
                let signed = appended.seq.checked_sub(from + 1).and_then(|at| hashes.get(usize::try_from(at).ok()?));
                if signed != Some(&appended.hash()) {
                    return Err(Refused::Unlinked { seq: appended.seq });
                }
            }
            let count = effects.iter().filter_map(appended).count();
            let restored = Restored { head: replay.chain().head().clone(), effects, state };
            self.engine.restore(restored).await.map_err(|failure| Refused::Engine(failure.to_string()))?;
            metrics::restored(self.config.chain_id(), count as u64);
        }
        Ok(head.seq - from)
    }

    /// The rules' view of our own log, which must be what is served.
    async fn replay(&self, own: &Chain) -> Result<Replay, Refused> {
        let mut replay = Replay::new(own.rules().clone());
        let mut next = 1;
        while next <= own.head().log_seq {
            let page = self.store.entries(next, MAX_PAGE).await?;
            next += page.len() as u64;
            let empty = page.is_empty();
            let pushed = tokio::task::spawn_blocking(move || {
                page.iter().try_for_each(|entry| replay.push(entry).map(drop)).map(|()| replay)
            });
            replay = pushed.await.map_err(|error| Refused::Own(error.to_string()))??;
            if empty {
                return Err(Refused::Own(format!("entry {next} is missing")));
            }
        }
        if replay.chain().head() != own.head() {
            return Err(Refused::Own("its end is not what the chain's row says".to_owned()));
        }
        Ok(replay)
    }

    /// In mode `verified`, of an entry that finds a batch valid: the verifier's state after it, by executing the batch
    /// again. What cannot be decided yet is waited for.
    async fn state_after(
        &self,
        chain: &Chain,
        entry: &LogEntry,
        executor: &mut Executor,
    ) -> Result<Option<StateWrite>, Refused> {
        let Event::Verdict(verdict) = &entry.event else { return Ok(None) };
        let found = chain.pending_with_parent(verdict.commitment);
        let (Some((record, before)), true, Mode::Verified) = (found, verdict.valid, chain.rules().terms.mode) else {
            return Ok(None);
        };
        let parent = before.map_or(chain.rules().genesis, Parent::of);
        let (mut backoff, mut said) = (Backoff::default(), String::new());
        loop {
            let judged = async {
                let header = &record.signed.header;
                let payload = if record.signed.is_forced() { None } else { Some(download(&self.da, header).await?) };
                executor.judge(&parent, record, payload).await
            };
            match judged.await {
                Ok(Outcome::Valid(state)) => return Ok(Some(*state)),
                Ok(Outcome::Invalid { words, .. }) => {
                    return Err(Refused::Invalid { index: verdict.batch_index, why: words });
                }
                Err(Wait::Store(error)) => return Err(error.into()),
                Err(wait) => {
                    let words = wait.to_string();
                    if words != said {
                        tracing::warn!(batch = verdict.batch_index, reason = %words, "restoring waits");
                        said = words;
                    }
                    tokio::time::sleep(backoff.delay()).await;
                }
            }
        }
    }
}

/// The hashes of all entries from our newest up to the signed head, if they lead there.
async fn hashes(
    mut entries: impl Stream<Item = Result<LogEntry, RemoteError>> + Unpin,
    own: &Chain,
    head: &MirroredHead,
) -> Result<Vec<B256>, Refused> {
    let (from, mut before) = (own.head().log_seq, own.head().log_hash);
    let mut hashes = Vec::new();
    for seq in from + 1..=head.seq {
        let entry = entries.next().await.ok_or_else(|| ended(seq))??;
        if entry.seq != seq || (seq > from + 1 && entry.prev_hash != before) {
            return Err(Refused::Unlinked { seq });
        }
        // The first one's link is judged last: only if all the others lead to the head is it our log that strays.
        before = entry.hash();
        hashes.push((entry.prev_hash, before));
    }
    if before != head.hash {
        return Err(Refused::Unlinked { seq: head.seq });
    }
    match hashes.first() {
        Some((prev, _)) if *prev != own.head().log_hash => Err(Refused::Forked { seq: from }),
        _ => Ok(hashes.into_iter().map(|(_, hash)| hash).collect()),
    }
}

const fn appended(effect: &Effect) -> Option<&LogEntry> {
    match effect {
        Effect::Append(entry) => Some(entry),
        Effect::Save(_) | Effect::Queue(_) | Effect::Account(_) | Effect::Claimed(_) => None,
    }
}
