//! The bytes of a witness in the pieces in which threads have written them: whoever sends them puts them where they are
//! to be, so that they are copied once.

/// The witness of a tree, as [`crate::PartialTree::decode`] reads it once it is in one piece.
#[derive(Clone, Debug, Default)]
pub struct WitnessBytes {
    /// Of the top.
    top: Vec<u8>,
    /// Of the subtrees, each with the number of the top's bytes before it, in order.
    between: Vec<(usize, Vec<u8>)>,
}

impl WitnessBytes {
    pub(super) const fn new(top: Vec<u8>, between: Vec<(usize, Vec<u8>)>) -> Self {
        Self { top, between }
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.top.len() + self.between.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
    }

    /// Whether there are none: the tree is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends them.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.reserve(self.len());
        let mut from = 0;
        for (at, bytes) in &self.between {
            out.extend_from_slice(&self.top[from..*at]);
            out.extend_from_slice(bytes);
            from = *at;
        }
        out.extend_from_slice(&self.top[from..]);
    }

    /// In one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out);
        out
    }
}
