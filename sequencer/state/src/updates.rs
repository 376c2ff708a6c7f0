//! A set of leaf updates in key order, each key once.

use crate::Value;
use crate::keys::TreeKey;
use crate::undo::Undo;

/// A key and its new value; `None` deletes.
pub type Update = (TreeKey, Option<Value>);

/// Sorted updates. Writing the zero value deletes, as zero is absent.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UpdateBatch {
    entries: Vec<Update>,
}

impl UpdateBatch {
    /// The updates given; of several for one key the last stands.
    #[expect(clippy::unnecessary_sort_by, reason = "compares in place; a key taken out is 67 bytes to copy")]
    pub fn new(mut entries: Vec<Update>) -> Self {
        // Stable, so that the last of equals stays last; linear on what is sorted already.
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 = later.1;
            }
            same
        });
        for (_, value) in &mut entries {
            *value = value.filter(|value| *value != [0; 32]);
        }
        Self { entries }
    }

    /// Only those that have changed something: `undo` is what applying them gave.
    pub fn effective(mut self, undo: &Undo) -> Self {
        let mut changed = undo.entries.iter().map(|(key, _)| key).peekable();
        // Both are in key order.
        self.entries.retain(|(key, _)| changed.next_if(|changed| *changed == key).is_some());
        self
    }

    /// In key order.
    pub fn entries(&self) -> &[Update] {
        &self.entries
    }

    /// [`UpdateBatch::entries`], taken out.
    pub(crate) fn into_entries(self) -> Vec<Update> {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_are_those_with_an_old_value() {
        let key = |byte: u8| TreeKey::new(&[byte]).expect("short");
        let batch = UpdateBatch::new(vec![(key(1), None), (key(2), Some([2; 32])), (key(3), None), (key(4), None)]);
        let undo = Undo { entries: vec![(key(2), None), (key(4), Some([4; 32]))] };
        assert_eq!(batch.clone().effective(&undo).entries(), [(key(2), Some([2; 32])), (key(4), None)]);
        assert_eq!(batch.effective(&Undo::default()).entries(), []);
    }

    #[test]
    fn sorted_unique_and_without_zeros() {
        let key = |byte: u8| TreeKey::new(&[byte]).expect("short");
        let batch = UpdateBatch::new(vec![
            (key(9), Some([1; 32])),
            (key(2), Some([2; 32])),
            (key(9), None),
            (key(5), Some([0; 32])),
            (key(2), Some([3; 32])),
        ]);
        assert_eq!(batch.entries(), [(key(2), Some([3; 32])), (key(5), None), (key(9), None)]);
    }
}
