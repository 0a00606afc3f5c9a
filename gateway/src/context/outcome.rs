//! How a request ended.

use crate::body::End;

/// How a request ended, seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The client got a whole answer, or a whole refusal.
    Completed,
    /// A stream broke off after it had begun.
    Interrupted,
    /// The client went away before the end.
    ClientClosed,
    /// A bug ended it.
    Panicked,
}

impl Outcome {
    /// How a body's end looks from outside.
    #[must_use]
    pub const fn of(end: End) -> Self {
        match end {
            End::Completed => Self::Completed,
            End::Interrupted(_) => Self::Interrupted,
            End::Dropped => Self::ClientClosed,
        }
    }

    /// The outcome of a request whose future is dropped right now, without a response.
    #[must_use]
    pub fn of_abandoned() -> Self {
        if std::thread::panicking() { Self::Panicked } else { Self::ClientClosed }
    }

    /// The name in metrics and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::ClientClosed => "client_closed",
            Self::Panicked => "panicked",
        }
    }
}
