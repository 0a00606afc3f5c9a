//! The copy of a request that was to be sent to its route's shadow.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A copy that was drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadow {
    /// The route's shadow.
    pub backend: String,
    /// Whether the copy was sent, or why not.
    pub fate: ShadowFate,
}

/// What became of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShadowFate {
    /// It was sent.
    Sent,
    /// A stage of the policy left the backend out.
    NotEligible,
    /// The request has effects at its provider beyond the answer.
    Stored,
    /// The backend cannot be asked just now.
    Unavailable,
    /// No more may be spent on copies today.
    OverCap,
    /// Too many are under way, or too little time is left.
    Dropped,
}

impl ShadowFate {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Sent, Self::NotEligible, Self::Stored, Self::Unavailable, Self::OverCap, Self::Dropped];

    /// Its word in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::NotEligible => "not_eligible",
            Self::Stored => "stored",
            Self::Unavailable => "unavailable",
            Self::OverCap => "over_cap",
            Self::Dropped => "dropped",
        }
    }
}

impl fmt::Display for ShadowFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
