//! What the next commitment is judged by, without asking the tables: the newest log entries, kept in memory.
//!
//! It answers only for a commitment that follows the tip of a chain that never
//! had a rejection and that leaves no inbox item: then no other commitment has
//! its hash or its place. For all others the tables are asked.

use std::collections::VecDeque;

use weft_primitives::SignedBatch;

use super::{Anchor, Chain, Effect, PostFacts};

/// Entries kept: a sequencer anchors its commitments to what it has just read.
const MOST: usize = 1_024;

/// The newest entries of a log, as far as they were seen.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// Without gaps, the last one is the newest of the log.
    anchors: VecDeque<Anchor>,
}

impl Recent {
    /// Takes in what a transition did.
    pub fn absorb(&mut self, effect: &Effect) {
        if let Effect::Append(entry) = effect {
            self.anchors.push_back(Anchor { hash: entry.hash(), time_ms: entry.time_ms });
            if self.anchors.len() > MOST {
                self.anchors.pop_front();
            }
        }
    }

    /// Forgets everything: the log may have gone on unseen.
    pub fn clear(&mut self) {
        self.anchors.clear();
    }

    /// What a commitment is judged by, if that follows from `chain`, whose newest entries were seen, and from these.
    pub fn facts(&self, chain: &Chain, signed: &SignedBatch) -> Option<PostFacts> {
        let (header, head) = (&signed.header, chain.head());
        let is_new = head.generation == 0 && header.batch_index == chain.parent().next_index;
        let takes_all = header.inbox_from == head.inbox_len && header.inbox_to == head.inbox_len;
        if !is_new || !takes_all {
            return None;
        }
        let anchor = match head.log_seq.checked_sub(header.anchor_seq)? {
            _ if header.anchor_seq == 0 => None,
            0 => Some(Anchor { hash: head.log_hash, time_ms: head.log_time_ms }),
            back => {
                Some(*self.anchors.get(self.anchors.len().checked_sub(usize::try_from(back).ok()?.checked_add(1)?)?)?)
            }
        };
        Some(PostFacts { anchor, inbox_acc: Some(head.inbox_acc), ..PostFacts::default() })
    }
}
