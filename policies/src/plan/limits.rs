//! What tenants may ask for in a time.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::setting::{Setting, or_false};
use crate::name::TenantId;
use crate::policy::Policy;
use crate::spec::TenantLimits;

/// A tenant whose limits change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LimitChange {
    /// Which.
    pub tenant: String,
    /// What changes.
    pub settings: Vec<Setting>,
}

/// Of the tenants that both declare; what one gains or loses altogether is told by its requests.
pub(super) fn compare(old: &Policy, new: &Policy) -> Vec<LimitChange> {
    let of = |policy| Policy::tenants(policy).map(|(id, spec)| (id, spec.limits)).collect::<BTreeMap<&TenantId, TenantLimits>>();
    let (old, new) = (of(old), of(new));
    let tenants: BTreeSet<&TenantId> = old.keys().chain(new.keys()).copied().collect();
    let change = |tenant: &TenantId| {
        let limits = |side: &BTreeMap<&TenantId, TenantLimits>| side.get(tenant).copied().unwrap_or_default();
        let settings = differing(limits(&old), limits(&new));
        (!settings.is_empty()).then(|| LimitChange { tenant: tenant.to_string(), settings })
    };
    tenants.into_iter().filter_map(change).collect()
}

fn differing(old: TenantLimits, new: TenantLimits) -> Vec<Setting> {
    let rows = [
        ("limits.requests_per_minute", old.requests_per_minute, new.requests_per_minute),
        ("limits.concurrency", old.concurrency, new.concurrency),
    ];
    let changed = rows.into_iter().filter(|(_, from, to)| from != to);
    changed.map(|(key, from, to)| Setting { key: key.into(), from: or_false(from), to: or_false(to) }).collect()
}
