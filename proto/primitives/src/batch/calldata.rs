//! Calldata that follows one of ERC-20's three common calls, taken apart.
//!
//! Invariant: [`Calldata::split`] chooses a template only if [`template_bytes`]
//! gives back the very same bytes.

use alloy_primitives::{Address, U256};

/// An ERC-20 call whose arguments the columns know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Template {
    /// `transfer(address,uint256)`
    Transfer,
    /// `transferFrom(address,address,uint256)`
    TransferFrom,
    /// `approve(address,uint256)`
    Approve,
}

impl Template {
    const ALL: [Self; 3] = [Self::Transfer, Self::TransferFrom, Self::Approve];

    const fn selector(self) -> [u8; 4] {
        match self {
            Self::Transfer => [0xa9, 0x05, 0x9c, 0xbb],
            Self::TransferFrom => [0x23, 0xb8, 0x72, 0xdd],
            Self::Approve => [0x09, 0x5e, 0xa7, 0xb3],
        }
    }

    /// Whether two addresses precede the amount, not one.
    pub(super) const fn has_two_addresses(self) -> bool {
        matches!(self, Self::TransferFrom)
    }
}

/// The arguments of a [`Template`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    pub(super) first: Address,
    /// Only for [`Template::TransferFrom`].
    pub(super) second: Option<Address>,
    pub(super) amount: U256,
}

/// Calldata as the columns see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calldata<'a> {
    Empty,
    Raw(&'a [u8]),
    Template(Template, Arguments),
}

impl<'a> Calldata<'a> {
    /// Sorts calldata; every byte string has exactly one form.
    pub(super) fn split(data: &'a [u8]) -> Self {
        if data.is_empty() {
            return Self::Empty;
        }
        Template::ALL
            .into_iter()
            .find_map(|template| Some(Self::Template(template, arguments(template, data)?)))
            .unwrap_or(Self::Raw(data))
    }
}

fn arguments(template: Template, data: &[u8]) -> Option<Arguments> {
    let words = data.strip_prefix(&template.selector())?;
    let (first, words) = address_word(words)?;
    let (second, words) = match template.has_two_addresses() {
        true => address_word(words).map(|(second, words)| (Some(second), words))?,
        false => (None, words),
    };
    let amount = <[u8; 32]>::try_from(words).ok().map(U256::from_be_bytes)?;
    Some(Arguments { first, second, amount })
}

fn address_word(words: &[u8]) -> Option<(Address, &[u8])> {
    let (word, rest) = words.split_first_chunk::<32>()?;
    let address = word.strip_prefix(&[0; 12])?;
    Some((Address::from_slice(address), rest))
}

/// The calldata of a template.
pub(super) fn template_bytes(template: Template, arguments: &Arguments) -> Vec<u8> {
    let mut data = Vec::with_capacity(4 + 3 * 32);
    data.extend_from_slice(&template.selector());
    for address in [Some(arguments.first), arguments.second].into_iter().flatten() {
        data.extend_from_slice(address.into_word().as_slice());
    }
    data.extend_from_slice(&arguments.amount.to_be_bytes::<32>());
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn templates_give_back_their_bytes(
            which in 0usize..3, padding in prop_oneof![4 => Just(0u8), 1 => any::<u8>()],
            words in proptest::collection::vec(any::<[u8; 32]>(), 0..5),
        ) {
            let mut data = Template::ALL[which].selector().to_vec();
            let addresses = if Template::ALL[which].has_two_addresses() { 2 } else { 1 };
            for (index, mut word) in words.iter().copied().enumerate() {
                if index < addresses {
                    word[..12].fill(padding);
                }
                data.extend_from_slice(&word);
            }
            match Calldata::split(&data) {
                Calldata::Template(template, arguments) => {
                    prop_assert_eq!(padding, 0);
                    prop_assert_eq!(words.len(), addresses + 1);
                    prop_assert_eq!(template_bytes(template, &arguments), data);
                }
                other => {
                    prop_assert!(padding != 0 || words.len() != addresses + 1);
                    prop_assert_eq!(other, Calldata::Raw(&data));
                }
            }
        }
    }
}
