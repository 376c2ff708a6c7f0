//! Keys as strings of bits, most significant first.

use super::{MAX_KEY_BITS, MAX_KEY_BYTES, TreeKey};

impl TreeKey {
    /// The bit at `index`, most significant first; false beyond the end.
    #[inline]
    pub fn bit(&self, index: u16) -> bool {
        let byte = self.bytes.get(usize::from(index / 8)).copied().unwrap_or_default();
        byte >> (7 - index % 8) & 1 == 1
    }

    /// Number of leading bits in common, at most the shorter one's length.
    pub fn common_bits(&self, other: &Self) -> u16 {
        // Bytes beyond the end are zero in both, so whole arrays can be compared.
        let word = |key: &Self, at: usize| u64::from_be_bytes(std::array::from_fn(|byte| key.bytes[at + byte]));
        let mut common = MAX_KEY_BITS;
        for at in (0..MAX_KEY_BYTES - 2).step_by(8) {
            let difference = word(self, at) ^ word(other, at);
            if difference != 0 {
                common = (at * 8) as u16 + difference.leading_zeros() as u16;
                break;
            }
        }
        if common == MAX_KEY_BITS {
            let tail = |key: &Self| u16::from_be_bytes([key.bytes[64], key.bytes[65]]);
            common = 512 + (tail(self) ^ tail(other)).leading_zeros() as u16;
        }
        common.min(self.bits()).min(other.bits())
    }

    /// As long as keys get, all zero.
    pub(crate) const fn zeros() -> Self {
        Self { len: MAX_KEY_BYTES as u8, bytes: [0; MAX_KEY_BYTES] }
    }

    /// The first `bits` bits, filled up with zeros to the longest key.
    pub(crate) fn cut(&self, bits: u16) -> Self {
        let mut cut = Self { len: MAX_KEY_BYTES as u8, bytes: [0; MAX_KEY_BYTES] };
        self.copy_bits(0, bits.min(MAX_KEY_BITS), &mut cut.bytes);
        cut
    }

    /// The first `bit` bits, then the bit `side`, filled up with zeros to the longest key.
    pub(crate) fn fork(&self, bit: u16, side: bool) -> Self {
        let mut fork = self.cut(bit);
        fork.bytes[usize::from(bit / 8)] |= u8::from(side) << (7 - bit % 8);
        fork
    }

    /// Writes `bits` over zeros, from bit `from` on; what lies beyond the longest key is lost.
    pub(crate) fn put_bits(&mut self, from: u16, bits: &[u8]) {
        let (start, shift) = (usize::from(from / 8), from % 8);
        for (at, byte) in bits.iter().enumerate() {
            let spread = u16::from(*byte) << (8 - shift);
            let [high, low] = spread.to_be_bytes();
            for (at, part) in [(start + at, high), (start + at + 1, low)] {
                if let Some(slot) = self.bytes.get_mut(at) {
                    *slot |= part;
                }
            }
        }
    }

    /// The first `bits` bits, at least one, in as few bytes as hold them, filled up with zeros.
    pub(crate) fn truncate(&self, bits: u16) -> Self {
        Self { len: bits.clamp(1, MAX_KEY_BITS).div_ceil(8) as u8, ..self.cut(bits) }
    }

    /// The 64 bits before bit `end`, in a word's low bits; bits before the first are zero.
    #[inline]
    pub(crate) fn window(&self, end: u16) -> u64 {
        let word = |at: usize| u64::from_be_bytes(std::array::from_fn(|byte| self.bytes[at + byte]));
        if end <= 64 {
            return word(0).checked_shr(64 - u32::from(end)).unwrap_or(0);
        }
        // The byte that holds the bit before `end`, and the eight before it.
        let last = usize::from(end - 1) / 8;
        let unused = 7 - u32::from(end - 1) % 8;
        let wide = u128::from(word(last - 8)) << 8 | u128::from(self.bytes[last]);
        (wide >> unused) as u64
    }

    /// Copies the bits `from..to` to the front of `out`, the last byte filled up with zeros; returns the bytes used.
    pub(crate) fn copy_bits(&self, from: u16, to: u16, out: &mut [u8]) -> usize {
        let len = usize::from(to - from).div_ceil(8);
        let (start, shift) = (usize::from(from / 8), from % 8);
        for (at, byte) in out[..len].iter_mut().enumerate() {
            let high = self.bytes[start + at] << shift;
            let low = self.bytes.get(start + at + 1).map_or(0, |next| (u16::from(*next) << shift >> 8) as u8);
            *byte = high | low;
        }
        let used = (to - from) % 8;
        if used != 0 {
            out[len - 1] &= 0xff << (8 - used);
        }
        len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyLengthError;

    #[test]
    fn windows_and_copies_agree_with_single_bits() {
        let bytes: Vec<u8> = (0..66u32).map(|n| (n * n * 37 + 11) as u8).collect();
        let key = TreeKey::new(&bytes).expect("short");
        for end in 0..MAX_KEY_BITS {
            let want = (0..end).fold(0u64, |word, at| word << 1 | u64::from(key.bit(at)));
            assert_eq!(key.window(end), want, "window before {end}");
            for from in (0..=end).step_by(13) {
                let mut out = [0xff; MAX_KEY_BYTES];
                let len = key.copy_bits(from, end, &mut out);
                let copy = TreeKey::join(&[&out[..len]]);
                assert!((from..end).all(|at| copy.bit(at - from) == key.bit(at)), "{from}..{end}");
                assert!((end - from..len as u16 * 8).all(|at| !copy.bit(at)), "{from}..{end} is zero-padded");
            }
        }
    }

    #[test]
    fn bits_in_common() {
        let key = |bytes: &[u8]| TreeKey::new(bytes).expect("short");
        assert_eq!(key(&[0xff]).common_bits(&key(&[0xfe])), 7);
        assert_eq!(key(&[1, 2]).common_bits(&key(&[1, 2, 3])), 16);
        assert!(key(&[0x80]).bit(0) && !key(&[0x80]).bit(1));
        let long = |last: u8| key(&[&[7; 65][..], &[last]].concat());
        assert_eq!(long(2).common_bits(&long(3)), 527);
        assert_eq!(long(2).common_bits(&long(2)), 528);
        assert_eq!(TreeKey::new(&[]), Err(KeyLengthError(0)));
        assert_eq!(TreeKey::new(&[0; 67]), Err(KeyLengthError(67)));
    }
}
