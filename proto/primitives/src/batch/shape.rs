//! The shape byte of a transaction: which columns it is spread over.
//!
//! ```text
//! bits 0-2  0 legacy, 1 legacy with chain id (EIP-155), 2 EIP-2930, 3 EIP-1559, 4 EIP-7702
//! bit  3    there is a `to`: not a contract creation
//! bit  4    the value is not zero: an amount stands for it
//! bits 5-7  calldata: 0 empty, 1 raw, 2 transfer, 3 transferFrom, 4 approve
//! 0xff      none of this: the transaction is in the escape column
//! ```
//!
//! One byte and not three columns, because the three go together: wallets send
//! few shapes, and zstd then codes the usual one in next to nothing.

use crate::codec::DecodeError;

use super::calldata::{Calldata, Template};
use super::column::Column;
use super::error::invalid;
use super::signed::{Form, SignedFields};

const ESCAPE: u8 = 0xff;

/// How a transaction is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Spread over the columns.
    Columns { form: Form, has_to: bool, has_value: bool, calldata: CalldataShape },
    /// As it is.
    Escape,
}

/// What stands for the calldata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CalldataShape {
    Empty,
    Raw,
    Template(Template),
}

impl Shape {
    /// The shape of fields with the given calldata.
    pub(super) fn of(fields: &SignedFields<'_>, calldata: &Calldata<'_>) -> Self {
        Self::Columns {
            form: fields.form,
            has_to: fields.to.is_some(),
            has_value: !fields.value.is_zero(),
            calldata: match calldata {
                Calldata::Empty => CalldataShape::Empty,
                Calldata::Raw(_) => CalldataShape::Raw,
                Calldata::Template(template, _) => CalldataShape::Template(*template),
            },
        }
    }

    /// Its byte.
    pub(super) const fn to_byte(self) -> u8 {
        let Self::Columns { form, has_to, has_value, calldata } = self else { return ESCAPE };
        let form = match form {
            Form::Legacy => 0,
            Form::LegacyWithChainId => 1,
            Form::AccessList => 2,
            Form::DynamicFee => 3,
            Form::SetCode => 4,
        };
        let calldata = match calldata {
            CalldataShape::Empty => 0,
            CalldataShape::Raw => 1,
            CalldataShape::Template(Template::Transfer) => 2,
            CalldataShape::Template(Template::TransferFrom) => 3,
            CalldataShape::Template(Template::Approve) => 4,
        };
        form | (has_to as u8) << 3 | (has_value as u8) << 4 | calldata << 5
    }

    /// Inverse of [`Shape::to_byte`].
    pub(super) fn from_byte(byte: u8) -> Result<Self, DecodeError> {
        let unknown = || invalid(Column::Shape.name(), "unknown shape");
        if byte == ESCAPE {
            return Ok(Self::Escape);
        }
        let form = match byte & 7 {
            0 => Form::Legacy,
            1 => Form::LegacyWithChainId,
            2 => Form::AccessList,
            3 => Form::DynamicFee,
            4 => Form::SetCode,
            _ => return Err(unknown()),
        };
        let calldata = match byte >> 5 {
            0 => CalldataShape::Empty,
            1 => CalldataShape::Raw,
            2 => CalldataShape::Template(Template::Transfer),
            3 => CalldataShape::Template(Template::TransferFrom),
            4 => CalldataShape::Template(Template::Approve),
            _ => return Err(unknown()),
        };
        Ok(Self::Columns { form, has_to: byte & 1 << 3 != 0, has_value: byte & 1 << 4 != 0, calldata })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_at_most_one_shape() {
        let known = (0..=u8::MAX).filter(|byte| match Shape::from_byte(*byte) {
            Ok(shape) => {
                assert_eq!(shape.to_byte(), *byte);
                true
            }
            Err(_) => false,
        });
        assert_eq!(known.count(), 5 * 2 * 2 * 5 + 1);
    }
}
