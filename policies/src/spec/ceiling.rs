//! How much requests may cost.

use super::NanoUsd;

/// How much the requests of a route may cost; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ceiling {
    /// One of them, by its tokens.
    pub per_request: Option<NanoUsd>,
    /// All of one tenant in a day of UTC.
    pub per_tenant_day: Option<NanoUsd>,
}

impl Ceiling {
    /// Both together: of each limit, the lower holds.
    pub(crate) fn and(self, other: Self) -> Self {
        let lower = |one: Option<NanoUsd>, two: Option<NanoUsd>| one.into_iter().chain(two).min();
        Self {
            per_request: lower(self.per_request, other.per_request),
            per_tenant_day: lower(self.per_tenant_day, other.per_tenant_day),
        }
    }

    /// Whether nothing is limited.
    pub(crate) fn is_none(self) -> bool {
        self == Self::default()
    }
}
