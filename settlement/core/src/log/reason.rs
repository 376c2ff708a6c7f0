//! Why a commitment was rejected: a code in the log, a name everywhere else.

use std::fmt;
use std::str::FromStr;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal;)*) => {
        /// Why a commitment was rejected. Codes and names are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum RejectReason { $($(#[$doc])* $variant = $code,)* }

        impl RejectReason {
            /// All of them, by code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in UPPER_SNAKE_CASE.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

reasons! {
    /// The DA layer could not show the payload before the deadline.
    Unavailable = 1, "UNAVAILABLE";
    /// The DA block that the commitment names does not hold the payload.
    NotInDaBlock = 2, "NOT_IN_DA_BLOCK";
    /// The payload is not a batch.
    Undecodable = 3, "UNDECODABLE";
    /// The batch breaks a limit of the protocol.
    Limits = 4, "LIMITS";
    /// Block times go back, or lie in the future of the log.
    BadTimestamp = 5, "BAD_TIMESTAMP";
    /// An overdue inbox item was left out.
    ForcedInclusion = 6, "FORCED_INCLUSION";
    /// A transaction in the batch cannot be executed where it stands.
    InvalidTransaction = 7, "INVALID_TRANSACTION";
    /// Something that the commitment claims is not what follows from its parent, the payload and the inbox.
    InvalidStf = 8, "INVALID_STF";
    /// The DA block that holds the payload is not a codeword.
    WrongEncoding = 9, "WRONG_ENCODING";
}

/// No reason has this code or name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown reject reason")]
pub struct UnknownReason;

impl RejectReason {
    /// The code in the log.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Inverse of [`RejectReason::code`].
    pub fn from_code(code: u8) -> Result<Self, UnknownReason> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code).ok_or(UnknownReason)
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RejectReason {
    type Err = UnknownReason;

    fn from_str(name: &str) -> Result<Self, UnknownReason> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == name).ok_or(UnknownReason)
    }
}
