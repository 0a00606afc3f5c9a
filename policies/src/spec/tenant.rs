//! What a tenant may do, and how much of it.

use std::num::NonZeroU32;

use super::{NanoUsd, Requirement, Wanted};
use crate::fault::Place;
use crate::grant::Grants;
use crate::request::Attributes;

/// One `[tenant.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantSpec {
    /// The models that it may use.
    pub allow: Grants,
    /// How much it may ask for.
    pub limits: TenantLimits,
    /// How much it may spend.
    pub budget: Budget,
    /// What it requires of every backend that its requests go to.
    pub requirement: Requirement,
    /// Whose tokens are its own; `None` if they name it.
    pub who: Option<Who>,
    /// Where it is written.
    pub place: Option<Place>,
}

/// How much money a tenant may spend; `None` is no limit. Days and months are those of UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// In a day.
    pub per_day: Option<NanoUsd>,
    /// In a month.
    pub per_month: Option<NanoUsd>,
}

/// How much a tenant may ask for, so that others get their share; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenantLimits {
    /// Requests a minute.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Requests at once.
    pub concurrency: Option<NonZeroU32>,
}

/// The claims by which a tenant's tokens are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who(pub(crate) Wanted);

impl Who {
    /// Whether a token with these claims is one of the tenant's.
    pub fn fits(&self, claims: &Attributes) -> bool {
        self.0.are_met(claims)
    }
}
