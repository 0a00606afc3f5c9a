//! What a tenant may do, and how much of it.

use std::num::NonZeroU32;

use super::Requirement;
use crate::fault::Place;
use crate::grant::Grants;

/// One `[tenant.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantSpec {
    /// The models that it may use.
    pub allow: Grants,
    /// How much it may ask for.
    pub limits: TenantLimits,
    /// What it requires of every backend that its requests go to.
    pub requirement: Requirement,
    /// Where it is written.
    pub place: Option<Place>,
}

/// How much a tenant may ask for, so that others get their share; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenantLimits {
    /// Requests a minute.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Requests at once.
    pub concurrency: Option<NonZeroU32>,
}
