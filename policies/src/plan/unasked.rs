//! Where policies tell requests apart by what no question of a plan has: claims, headers, and whatever an expression looks at.

use std::collections::BTreeSet;

use crate::name::TenantId;
use crate::policy::Policy;
use crate::spec::{TenantSpec, Who};

/// What is not compared for that reason, in words.
pub(super) fn notes(old: &Policy, new: &Policy) -> Vec<String> {
    let routes: BTreeSet<String> =
        [old, new].into_iter().flat_map(Policy::routes_by_attributes).map(ToString::to_string).collect();
    let routes = (!routes.is_empty()).then(|| {
        let names: Vec<_> = routes.iter().map(|name| format!("`{name}`")).collect();
        format!(
            "claims, headers and expressions, by which routes match ({}): only requests without claims and headers are",
            names.join(", ")
        )
    });
    let tenants: BTreeSet<&TenantId> = old.tenants().chain(new.tenants()).map(|(id, _)| id).collect();
    let moved: Vec<_> = tenants.into_iter().filter(|id| who(old, id) != who(new, id)).map(|id| format!("`{id}`")).collect();
    let moved = (!moved.is_empty()).then(|| {
        format!(
            "whose tokens are whose: the claims have changed by which tenants are known ({}), and each is compared by its name",
            moved.join(", ")
        )
    });
    routes.into_iter().chain(moved).collect()
}

fn who<'p>(policy: &'p Policy, tenant: &TenantId) -> Option<&'p Who> {
    let spec: &TenantSpec = policy.tenant(tenant)?;
    spec.who.as_ref()
}
