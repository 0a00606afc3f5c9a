//! How much a backend is given to do at once.

use std::num::NonZeroU32;

/// How many requests a backend is given at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// At most so many.
    AtMost(NonZeroU32),
    /// As many as it answers without slowing down, found out as it goes: a server has a queue that grows unseen.
    Adaptive,
    /// As many as there are: a cloud says by itself when it is too many.
    Unlimited,
}

impl Concurrency {
    /// The most that may be stated; beyond it, no limit is meant.
    pub(crate) const MOST: u32 = 100_000;

    /// At most `requests`, if it is from 1 to 100 000.
    pub(crate) fn at_most(requests: u32) -> Option<Self> {
        NonZeroU32::new(requests).filter(|n| n.get() <= Self::MOST).map(Self::AtMost)
    }
}
