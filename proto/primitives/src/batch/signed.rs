//! A signed transaction taken apart into fields, and put together again.
//!
//! Invariant: [`SignedFields::split`] returns fields only if
//! [`SignedFields::join`] makes the very same bytes of them, which it tries.
//! So the parsing here decides what is small, never what is right. Absent:
//! any judgement whether the transaction or its signature is valid.

use alloy_primitives::{Address, U256};
use alloy_rlp::{Decodable, EMPTY_STRING_CODE, Encodable, Header};

use super::table::DynamicFee;

/// The signed layouts that the columns know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Type 0 with v in {27, 28}: valid on every chain.
    Legacy,
    /// Type 0 with `v = 2 * chain_id + 35 + parity` (EIP-155).
    LegacyWithChainId,
    /// Type 1 (EIP-2930).
    AccessList,
    /// Type 2 (EIP-1559).
    DynamicFee,
    /// Type 4 (EIP-7702).
    SetCode,
}

impl Form {
    /// The EIP-2718 type byte; legacy has none.
    const fn type_byte(self) -> Option<u8> {
        match self {
            Self::Legacy | Self::LegacyWithChainId => None,
            Self::AccessList => Some(1),
            Self::DynamicFee => Some(2),
            Self::SetCode => Some(4),
        }
    }

    /// Whether there are two fee fields, not one gas price.
    pub(super) const fn has_dynamic_fee(self) -> bool {
        matches!(self, Self::DynamicFee | Self::SetCode)
    }

    /// RLP lists between calldata and signature: access list, authorization list.
    pub(super) const fn lists(self) -> usize {
        match self {
            Self::Legacy | Self::LegacyWithChainId => 0,
            Self::AccessList | Self::DynamicFee => 1,
            Self::SetCode => 2,
        }
    }
}

/// What a transaction offers for gas, in wei; offers above 64 bits are for the escape column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fee {
    /// Legacy and EIP-2930.
    Price(u64),
    /// EIP-1559 and EIP-7702.
    Dynamic(DynamicFee),
}

/// r (32), s (32) with the y-parity in the top bit (EIP-2098).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CompactSignature(pub(super) [u8; 64]);

impl CompactSignature {
    fn new(y_parity: bool, r: U256, mut s: U256) -> Option<Self> {
        // Only a malleable signature, invalid since EIP-2, uses the bit.
        if s.bit(255) {
            return None;
        }
        s.set_bit(255, y_parity);
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r.to_be_bytes::<32>());
        bytes[32..].copy_from_slice(&s.to_be_bytes::<32>());
        Some(Self(bytes))
    }

    fn parts(&self) -> (bool, U256, U256) {
        let (r, s) = self.0.split_at(32);
        let mut s = U256::from_be_slice(s);
        let y_parity = s.bit(255);
        s.set_bit(255, false);
        (y_parity, U256::from_be_slice(r), s)
    }
}

/// The fields of a signed transaction, its chain id apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedFields<'a> {
    pub(super) form: Form,
    pub(super) nonce: u64,
    pub(super) fee: Fee,
    pub(super) gas_limit: u64,
    /// None creates a contract.
    pub(super) to: Option<Address>,
    pub(super) value: U256,
    pub(super) data: &'a [u8],
    /// The form's RLP lists, one after the other, headers included.
    pub(super) lists: &'a [u8],
    pub(super) signature: CompactSignature,
}

impl<'a> SignedFields<'a> {
    /// Takes EIP-2718 bytes apart if they can be put together again; `scratch` is overwritten.
    pub(super) fn split(raw: &'a [u8], chain_id: u64, scratch: &mut Vec<u8>) -> Option<Self> {
        let fields = Self::parse(raw, chain_id)?;
        scratch.clear();
        fields.join(chain_id, scratch);
        (scratch.as_slice() == raw).then_some(fields)
    }

    fn parse(raw: &'a [u8], chain_id: u64) -> Option<Self> {
        let (form, mut rest) = match raw.split_first()? {
            (1, rest) => (Form::AccessList, rest),
            (2, rest) => (Form::DynamicFee, rest),
            (4, rest) => (Form::SetCode, rest),
            _ => (Form::LegacyWithChainId, raw),
        };
        let rest = &mut Header::decode_bytes(&mut rest, true).ok()?;
        if form.type_byte().is_some() && u64::decode(rest).ok()? != chain_id {
            return None;
        }
        let nonce = u64::decode(rest).ok()?;
        let fee = match form.has_dynamic_fee() {
            true => {
                Fee::Dynamic(DynamicFee { max_priority_fee: u64::decode(rest).ok()?, max_fee: u64::decode(rest).ok()? })
            }
            false => Fee::Price(u64::decode(rest).ok()?),
        };
        let gas_limit = u64::decode(rest).ok()?;
        let to = match Header::decode_bytes(rest, false).ok()? {
            [] => None,
            to => Some(Address::try_from(to).ok()?),
        };
        let value = U256::decode(rest).ok()?;
        let data = Header::decode_bytes(rest, false).ok()?;
        let (lists, after) = rest.split_at_checked(lists_len(rest, form.lists())?)?;
        *rest = after;
        let (form, y_parity) = parity(form, u128::decode(rest).ok()?, chain_id)?;
        let signature = CompactSignature::new(y_parity, U256::decode(rest).ok()?, U256::decode(rest).ok()?)?;
        Some(Self { form, nonce, fee, gas_limit, to, value, data, lists, signature })
    }

    /// Appends the EIP-2718 bytes.
    pub(super) fn join(&self, chain_id: u64, out: &mut Vec<u8>) {
        let (y_parity, r, s) = self.signature.parts();
        let mut payload = Vec::with_capacity(self.data.len() + self.lists.len() + 192);
        if self.form.type_byte().is_some() {
            chain_id.encode(&mut payload);
        }
        self.nonce.encode(&mut payload);
        match self.fee {
            Fee::Price(price) => price.encode(&mut payload),
            Fee::Dynamic(fee) => {
                fee.max_priority_fee.encode(&mut payload);
                fee.max_fee.encode(&mut payload);
            }
        }
        self.gas_limit.encode(&mut payload);
        match self.to {
            Some(to) => to.encode(&mut payload),
            None => payload.push(EMPTY_STRING_CODE),
        }
        self.value.encode(&mut payload);
        self.data.encode(&mut payload);
        payload.extend_from_slice(self.lists);
        v(self.form, y_parity, chain_id).encode(&mut payload);
        r.encode(&mut payload);
        s.encode(&mut payload);
        out.reserve_exact(1 + 9 + payload.len());
        out.extend(self.form.type_byte());
        Header { list: true, payload_length: payload.len() }.encode(out);
        out.extend_from_slice(&payload);
    }
}

/// Length in bytes of the first `count` RLP lists in `bytes`, headers included.
pub(super) fn lists_len(bytes: &[u8], count: usize) -> Option<usize> {
    let mut rest = bytes;
    for _ in 0..count {
        Header::decode_bytes(&mut rest, true).ok()?;
    }
    Some(bytes.len() - rest.len())
}

/// What a signature's `v` or y-parity field says: the exact form and the parity.
fn parity(form: Form, v: u128, chain_id: u64) -> Option<(Form, bool)> {
    let (form, parity) = match (form.type_byte(), v) {
        (Some(_), parity) => (form, parity),
        (None, 27 | 28) => (Form::Legacy, v - 27),
        (None, v) => (Form::LegacyWithChainId, v.checked_sub(35 + 2 * u128::from(chain_id))?),
    };
    (parity <= 1).then_some((form, parity == 1))
}

/// Inverse of [`parity`].
fn v(form: Form, y_parity: bool, chain_id: u64) -> u128 {
    u128::from(y_parity)
        + match form {
            Form::Legacy => 27,
            Form::LegacyWithChainId => 35 + 2 * u128::from(chain_id),
            Form::AccessList | Form::DynamicFee | Form::SetCode => 0,
        }
}
