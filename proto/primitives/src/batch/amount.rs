//! Amounts of ether and tokens as decimal numbers: people send round ones.
//!
//! The form byte says how an amount is written:
//! * 0: zero;
//! * 1 to 78: mantissa times ten to the power `form - 1`, the mantissa a
//!   uvarint that is no multiple of ten;
//! * 137 to 160: the mantissa has more than 64 bits, so the whole amount
//!   follows in `form - 128` big-endian bytes without leading zeros.

use alloy_primitives::{U256, uint};

use crate::codec::{DecodeError, put_uvarint};

use super::column::{Column, ColumnReaders, Columns};
use super::error::invalid;

const ZERO: u8 = 0;
const MAX_EXPONENT: u8 = 77;
const WIDE: u8 = 128;
const MIN_WIDE_LEN: u8 = 9;
const MAX_WIDE_LEN: u8 = 32;

/// `(power, 10^power)` for the bits of an exponent, highest first.
const POWERS: [(u8, U256); 7] = uint!([
    (64, 10000000000000000000000000000000000000000000000000000000000000000_U256),
    (32, 100000000000000000000000000000000_U256),
    (16, 10000000000000000_U256),
    (8, 100000000_U256),
    (4, 10000_U256),
    (2, 100_U256),
    (1, 10_U256),
]);

/// Takes all factors of ten out of a nonzero amount: `(mantissa, exponent)`.
fn split(mut amount: U256) -> (U256, u8) {
    let mut exponent = 0;
    for (power, factor) in POWERS {
        // 10^p is divisible by 2^p, which is far cheaper to ask.
        if amount.trailing_zeros() >= usize::from(power) {
            let (quotient, remainder) = amount.div_rem(factor);
            if remainder.is_zero() {
                amount = quotient;
                exponent += power;
            }
        }
    }
    (amount, exponent)
}

/// `mantissa * 10^exponent`, if it fits.
fn join(mantissa: u64, exponent: u8) -> Option<U256> {
    POWERS
        .iter()
        .filter(|(power, _)| exponent & power != 0)
        .try_fold(U256::from(mantissa), |amount, (_, factor)| amount.checked_mul(*factor))
}

/// Appends an amount.
pub(super) fn put(columns: &mut Columns, amount: U256) {
    if amount.is_zero() {
        columns[Column::AmountForm].push(ZERO);
        return;
    }
    let (mantissa, exponent) = split(amount);
    if let Ok(mantissa) = u64::try_from(mantissa) {
        columns[Column::AmountForm].push(exponent + 1);
        put_uvarint(&mut columns[Column::AmountMantissa], mantissa);
    } else {
        let len = amount.byte_len();
        columns[Column::AmountForm].push(WIDE + len as u8);
        columns[Column::AmountWide].extend_from_slice(&amount.to_be_bytes::<32>()[32 - len..]);
    }
}

/// Reads an amount.
pub(super) fn take(columns: &mut ColumnReaders<'_>) -> Result<U256, DecodeError> {
    let form = columns.u8(Column::AmountForm)?;
    match form.checked_sub(WIDE) {
        None if form == ZERO => Ok(U256::ZERO),
        None if form <= MAX_EXPONENT + 1 => take_decimal(columns, form - 1),
        Some(len @ MIN_WIDE_LEN..=MAX_WIDE_LEN) => take_wide(columns, len),
        _ => Err(invalid(Column::AmountForm.name(), "unknown form")),
    }
}

fn take_decimal(columns: &mut ColumnReaders<'_>, exponent: u8) -> Result<U256, DecodeError> {
    let field = Column::AmountMantissa.name();
    let mantissa = columns.uvarint(Column::AmountMantissa)?;
    if mantissa % 10 == 0 {
        return Err(invalid(field, "a multiple of ten"));
    }
    join(mantissa, exponent).ok_or(invalid(field, "amount above 256 bits"))
}

fn take_wide(columns: &mut ColumnReaders<'_>, len: u8) -> Result<U256, DecodeError> {
    let field = Column::AmountWide.name();
    let amount = U256::from_be_slice(columns.take(Column::AmountWide, usize::from(len))?);
    if amount.byte_len() != usize::from(len) {
        return Err(invalid(field, "leading zero"));
    }
    if u64::try_from(split(amount).0).is_ok() {
        return Err(invalid(field, "amount has a 64-bit mantissa"));
    }
    Ok(amount)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stored(columns: &Columns) -> [&[u8]; Column::COUNT] {
        Column::ALL.map(|column| columns[column].as_slice())
    }

    /// An amount of the kind that wallets send, or any other.
    fn amount() -> impl Strategy<Value = U256> {
        prop_oneof![
            any::<[u8; 32]>().prop_map(U256::from_be_bytes),
            (any::<u64>(), 0u8..=77).prop_map(|(mantissa, exponent)| join(mantissa, exponent).unwrap_or(U256::MAX)),
            (0u64..1000, 0u8..=77).prop_map(|(mantissa, exponent)| join(mantissa, exponent).unwrap_or(U256::ZERO)),
        ]
    }

    proptest! {
        #[test]
        fn round_trip(amount in amount()) {
            let mut columns = Columns::default();
            put(&mut columns, amount);
            let mut readers = ColumnReaders::new(stored(&columns));
            prop_assert_eq!(take(&mut readers), Ok(amount));
            prop_assert_eq!(readers.finish(), Ok(()));
        }

        #[test]
        fn one_encoding(form: u8, mantissa in proptest::collection::vec(any::<u8>(), 0..11), wide: [u8; 32]) {
            let mut given = Columns::default();
            given[Column::AmountForm].push(form);
            given[Column::AmountMantissa] = mantissa;
            given[Column::AmountWide] = wide[..usize::from(form.saturating_sub(WIDE).min(32))].to_vec();
            let mut readers = ColumnReaders::new(stored(&given));
            if let Ok(amount) = take(&mut readers)
                && readers.finish().is_ok()
            {
                let mut again = Columns::default();
                put(&mut again, amount);
                prop_assert_eq!(stored(&given), stored(&again));
            }
        }
    }

    #[test]
    fn factors_of_ten() {
        assert_eq!(split(join(1, 77).unwrap()), (U256::from(1), 77));
        assert_eq!(join(2, 77), None);
        assert_eq!(split(U256::MAX), (U256::MAX, 0));
        assert_eq!(split(join(1_500, 15).unwrap()), (U256::from(15), 17));
    }
}
