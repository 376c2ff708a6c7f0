//! Which contracts make transactions depend on each other, as far as the last blocks tell.

use std::collections::HashMap;

use weft_execution::parallel::Stats;
use weft_primitives::Address;

/// Contracts that are remembered.
const MAX_CONTRACTS: usize = 64;

/// Conflicts from which on a contract is hot: a few happen anywhere.
const HOT: u32 = 8;

/// Conflicts that count: what was hotter still is forgotten as fast.
const MOST: u32 = 1_024;

/// What a block leaves of the heat before it is all but a part in this, and one.
const FADING: u32 = 32;

/// Conflicts of the last blocks by contract, older ones for less.
///
/// By the contract where the conflict was: which transaction will touch it is not known beforehand, but for those that
/// call it themselves.
#[derive(Debug, Default)]
pub struct Heat(HashMap<Address, u32>);

impl Heat {
    /// A block was executed.
    pub fn learn(&mut self, stats: &Stats) {
        // One thread alone has no conflicts, whatever the contracts are like.
        if stats.threads < 2 {
            return;
        }
        self.0.retain(|_, heat| {
            *heat = heat.saturating_sub(*heat / FADING + 1);
            *heat > 0
        });
        for place in &stats.hottest {
            if self.has_room_for(place.address, place.conflicts) {
                let heat = self.0.entry(place.address).or_default();
                *heat = heat.saturating_add(place.conflicts).min(MOST);
            }
        }
    }

    /// Forgets the coolest for a hotter one, if there is no room.
    fn has_room_for(&mut self, contract: Address, conflicts: u32) -> bool {
        if self.0.len() < MAX_CONTRACTS || self.0.contains_key(&contract) {
            return true;
        }
        let coolest = self.0.iter().map(|(address, heat)| (*heat, *address)).min();
        let Some((_, coolest)) = coolest.filter(|(heat, _)| *heat < conflicts) else { return false };
        self.0.remove(&coolest);
        true
    }

    /// Whether its callers are to be expected to depend on each other.
    pub fn is_hot(&self, contract: Address) -> bool {
        self.0.get(&contract).is_some_and(|heat| *heat >= HOT)
    }

    /// Whether no contract's are.
    pub fn is_cool(&self) -> bool {
        self.0.values().all(|heat| *heat < HOT)
    }
}

#[cfg(test)]
mod tests {
    use weft_execution::parallel::HotPlace;
    use weft_primitives::U256;

    use super::*;

    fn block(conflicts: &[(u8, u32)]) -> Stats {
        let place = |(slot, (byte, conflicts)): (usize, &(u8, u32))| HotPlace {
            address: Address::repeat_byte(*byte),
            slot: Some(U256::from(slot)),
            conflicts: *conflicts,
        };
        Stats { threads: 2, hottest: conflicts.iter().enumerate().map(place).collect(), ..Stats::default() }
    }

    #[test]
    fn conflicts_add_up_and_fade() {
        let (hot, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let mut heat = Heat::default();
        assert!(heat.is_cool());
        heat.learn(&block(&[(1, 5), (1, 4), (2, HOT - 1)]));
        assert!(heat.is_hot(hot) && !heat.is_hot(other) && !heat.is_cool());
        heat.learn(&Stats { threads: 1, ..Stats::default() });
        heat.learn(&block(&[]));
        assert!(heat.is_hot(hot), "a block on one thread tells nothing");
        heat.learn(&block(&[]));
        assert!(heat.is_cool());
        // However hot it was, it is forgotten some time.
        heat.learn(&block(&[(1, u32::MAX)]));
        let blocks = (0..1_000).take_while(|_| {
            heat.learn(&block(&[]));
            heat.is_hot(hot)
        });
        assert!((50..200).contains(&blocks.count()));
        (0..HOT).for_each(|_| heat.learn(&block(&[])));
        assert!(heat.0.is_empty());
    }

    #[test]
    fn the_hottest_are_remembered() {
        let mut heat = Heat::default();
        (0..=u8::MAX).for_each(|byte| heat.learn(&block(&[(byte, 100 + u32::from(byte))])));
        assert_eq!(heat.0.len(), MAX_CONTRACTS);
        assert!(heat.is_hot(Address::repeat_byte(u8::MAX)) && !heat.is_hot(Address::ZERO));
        heat.learn(&block(&[(0, 1)]));
        assert!(!heat.0.contains_key(&Address::ZERO));
    }
}
