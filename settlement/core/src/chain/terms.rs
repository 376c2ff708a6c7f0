//! The terms of a chain's settlement: how its commitments become final, and whose word counts.
//!
//! They are recorded with the chain when its tables are made, and never change:
//! a commitment that was posted under one mode cannot become final under another.

use std::fmt;

use alloy_primitives::Address;
use weft_primitives::codec::{DecodeError, Reader};

/// Most independent verifiers of one chain.
pub const MAX_VERIFIERS: usize = 64;

/// Version of the encoding.
const VERSION: u8 = 1;

/// How commitments become final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Settlement re-executes every batch.
    Verified,
    /// Nobody has challenged the commitment successfully for so long.
    Optimistic {
        /// Milliseconds of log time since the commitment's data was sampled.
        window_ms: u64,
    },
}

impl Mode {
    /// Default of [`Mode::Optimistic`]'s window: seven days.
    pub const WINDOW_MS: u64 = 7 * 24 * 60 * 60 * 1000;

    /// `verified` or `optimistic`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Optimistic { .. } => "optimistic",
        }
    }

    /// The challenge window in milliseconds; 0 in mode `verified`.
    pub const fn window_ms(self) -> u64 {
        match self {
            Self::Verified => 0,
            Self::Optimistic { window_ms } => window_ms,
        }
    }
}

/// What the operator chose when the chain began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whose commitments are taken, until a key change.
    pub sequencer: Address,
    /// Whose key changes are taken besides the posting key's, also while posting is frozen.
    pub admin: Option<Address>,
    /// How commitments become final.
    pub mode: Mode,
    /// How long data may be missing before its commitment is rejected, in milliseconds of log time since it was posted.
    pub availability_deadline_ms: u64,
    /// Independent verifiers, ascending.
    pub verifiers: Vec<Address>,
    /// How many of them must have found a commitment valid before it becomes final.
    pub verifiers_needed: usize,
}

/// The terms contradict themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// More than [`MAX_VERIFIERS`].
    #[error("{0} verifiers; at most {MAX_VERIFIERS} are taken")]
    TooManyVerifiers(usize),
    /// An address is named twice.
    #[error("verifier {0} is named twice")]
    Twice(Address),
    /// More are needed than there are.
    #[error("{needed} verifiers must agree, but only {have} are named")]
    TooFewVerifiers {
        /// How many must agree.
        needed: usize,
        /// How many there are.
        have: usize,
    },
    /// Verifiers without a say.
    #[error("verifiers are named, but verifiers_needed is 0")]
    NoneNeeded,
    /// A window of no length.
    #[error("the challenge window is 0: mode optimistic would believe everything")]
    NoWindow,
}

impl Terms {
    /// Default of [`Terms::availability_deadline_ms`]: one hour.
    pub const AVAILABILITY_DEADLINE_MS: u64 = 60 * 60 * 1000;

    /// Mode `verified`, no admin, no verifiers.
    pub const fn new(sequencer: Address) -> Self {
        Self {
            sequencer,
            admin: None,
            mode: Mode::Verified,
            availability_deadline_ms: Self::AVAILABILITY_DEADLINE_MS,
            verifiers: Vec::new(),
            verifiers_needed: 0,
        }
    }

    /// The same with the verifiers in order, if they make sense.
    pub fn checked(mut self) -> Result<Self, TermsError> {
        self.verifiers.sort_unstable();
        let (needed, have) = (self.verifiers_needed, self.verifiers.len());
        if have > MAX_VERIFIERS {
            return Err(TermsError::TooManyVerifiers(have));
        }
        if let Some(pair) = self.verifiers.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(TermsError::Twice(pair[0]));
        }
        if needed > have {
            return Err(TermsError::TooFewVerifiers { needed, have });
        }
        if needed == 0 && have > 0 {
            return Err(TermsError::NoneNeeded);
        }
        if self.mode == (Mode::Optimistic { window_ms: 0 }) {
            return Err(TermsError::NoWindow);
        }
        Ok(self)
    }

    /// `version (1) || sequencer (20) || admin (20, zero: none) || window (8, zero: mode verified)
    /// || availability deadline (8) || needed (1) || number of verifiers (1) || verifiers (20 each)`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(self.sequencer.as_slice());
        out.extend_from_slice(self.admin.unwrap_or_default().as_slice());
        out.extend_from_slice(&self.mode.window_ms().to_be_bytes());
        out.extend_from_slice(&self.availability_deadline_ms.to_be_bytes());
        out.push(self.verifiers_needed as u8);
        out.push(self.verifiers.len() as u8);
        self.verifiers.iter().for_each(|verifier| out.extend_from_slice(verifier.as_slice()));
        out
    }

    /// Inverse of [`Terms::encode`] for terms that are [`Terms::checked`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8("version")? != VERSION {
            return Err(DecodeError::Invalid { field: "version", why: "unknown version of a chain's terms" });
        }
        let sequencer = reader.address("sequencer")?;
        let admin = Some(reader.address("admin")?).filter(|admin| !admin.is_zero());
        let mode = match reader.u64("window")? {
            0 => Mode::Verified,
            window_ms => Mode::Optimistic { window_ms },
        };
        let availability_deadline_ms = reader.u64("availability deadline")?;
        let verifiers_needed = reader.u8("verifiers needed")?.into();
        let count = reader.u8("verifiers")?;
        let verifiers = (0..count).map(|_| reader.address("verifier")).collect::<Result<Vec<_>, _>>()?;
        reader.finish()?;
        let terms = Self { sequencer, admin, mode, availability_deadline_ms, verifiers, verifiers_needed };
        let invalid = DecodeError::Invalid { field: "terms", why: "contradict themselves" };
        match terms.clone().checked() {
            Ok(checked) if checked == terms => Ok(terms),
            _ => Err(invalid),
        }
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mode {}", self.mode.as_str())?;
        if let Mode::Optimistic { window_ms } = self.mode {
            write!(f, " with a challenge window of {window_ms} ms")?;
        }
        write!(f, ", sequencer {}", self.sequencer)?;
        if let Some(admin) = self.admin {
            write!(f, ", admin {admin}")?;
        }
        write!(f, ", availability deadline {} ms", self.availability_deadline_ms)?;
        if !self.verifiers.is_empty() {
            let names: Vec<String> = self.verifiers.iter().map(ToString::to_string).collect();
            write!(f, ", {} of the verifiers {}", self.verifiers_needed, names.join(", "))?;
        }
        Ok(())
    }
}
