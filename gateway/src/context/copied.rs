//! What became of the copy of a request.

use tradewind_policies::{BackendName, decision::ShadowFate};

/// A copy of a request that was to be sent to its route's shadow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Where.
    pub backend: BackendName,
    /// Whether it was, or why not.
    pub fate: ShadowFate,
}

impl Copied {
    /// Whether it was sent.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.fate == ShadowFate::Sent
    }
}
