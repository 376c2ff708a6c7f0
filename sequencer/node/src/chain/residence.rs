//! How much of the state is in memory.
//!
//! Blocks are executed ahead of their write, so what they have changed stays until that is done; it is when the state
//! moves on that something else goes. So what is in memory is what may be, and what the newest blocks have changed.

use std::sync::Arc;

use weft_execution::World;
use weft_state::tree::LeftOut;
use weft_state::{Tree, Undo};

use super::{Chain, Moved, write};

impl Chain {
    /// The state has moved by this block, durable or not: there is room again for what it needs. What is left out for
    /// that is to be dropped when the state is no longer locked.
    pub(super) fn moved(&self, world: &mut World, number: u64, undo: Arc<Undo>) -> LeftOut {
        let mut recent = write(&self.recent);
        recent.push(number, Moved { undo, changes: world.tree().changes() }, self.heads().latest);
        make_room(world, recent.written)
    }
}

/// Leaves out what there is no memory for. The store has what the tree was after `written` changes.
pub(super) fn make_room(world: &mut World, written: u64) -> LeftOut {
    let left_out = world.leave_out(written);
    metrics::counter!("weft_sequencer_state_evictions_total").increment(left_out.len() as u64);
    tell(world.tree());
    left_out
}

fn tell(tree: &Tree) {
    let residence = tree.residence();
    metrics::gauge!("weft_sequencer_state_leaves").set(tree.len() as f64);
    metrics::gauge!("weft_sequencer_state_subtrees").set(tree.subtrees() as f64);
    metrics::gauge!("weft_sequencer_state_resident_subtrees").set(residence.subtrees as f64);
    metrics::gauge!("weft_sequencer_state_resident_bytes").set(residence.bytes as f64);
}
