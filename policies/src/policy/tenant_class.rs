//! Tenants that no stage tells apart.

use std::collections::BTreeMap;

use super::Policy;
use super::by_tenant::{ByTenant, Fits};
use crate::name::TenantId;
use crate::pattern::Pattern;
use crate::spec::{Expression, Floor};

/// Tenants that no stage tells apart: whatever one of them may do, and whoever may serve it, holds for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantClass {
    /// Those that the policy names, sorted; where it names none of them, one that stands for them all. Never empty.
    pub tenants: Vec<TenantId>,
    /// Whether there are more that the policy does not name.
    pub is_open: bool,
}

impl Policy {
    /// The classes of tenants, sorted by the first name of each.
    ///
    /// A policy that declares its tenants has no others. Where it leaves that to the tokens, every name in a pattern of a route stands for
    /// itself, a `*` in one for some text, and one more name for everybody else; tenants that fit several patterns with `*` at once are only
    /// in a class of their own if some name in the policy shows it.
    pub fn tenant_classes(&self) -> Vec<TenantClass> {
        let by_tenant = ByTenant::of(&self.routes);
        // An expression may tell any two tenants apart.
        let are_named = self.routes.iter().filter_map(|route| route.conditions.when.as_ref()).any(Expression::names_tenant);
        let names: Vec<&str> = self.names.keys().map(|name| &**name).collect();
        let mut classes: BTreeMap<(Floor, Fits, Vec<bool>, Option<TenantId>), TenantClass> = BTreeMap::new();
        for (tenant, is_open) in self.known_tenants() {
            let entry = self.tenants.as_ref().and_then(|tenants| tenants.get(&tenant));
            let allowed = names.iter().map(|name| entry.is_none_or(|entry| entry.allow.allow(name))).collect();
            let told_apart_by = (self.floor(&tenant), by_tenant.fits(&tenant), allowed, are_named.then(|| tenant.clone()));
            let class = classes.entry(told_apart_by);
            let class = class.or_insert_with(|| TenantClass { tenants: Vec::new(), is_open: false });
            class.is_open |= is_open;
            class.tenants.push(tenant);
        }
        let mut classes: Vec<_> = classes.into_values().collect();
        for class in &mut classes {
            class.tenants.sort_unstable();
            class.tenants.dedup();
        }
        classes.sort_unstable_by(|a, b| a.tenants.cmp(&b.tenants));
        classes
    }

    /// The tenants by their names, and whether each stands for others too.
    fn known_tenants(&self) -> Vec<(TenantId, bool)> {
        if let Some(tenants) = &self.tenants {
            return tenants.keys().map(|tenant| (tenant.clone(), false)).collect();
        }
        let patterns = || self.routes.iter().flat_map(|route| route.tenants.iter().flatten());
        let named = patterns().filter_map(|pattern| Some((example(pattern)?, pattern.is_wildcard())));
        let is_other = |tenant: &TenantId| !patterns().any(|pattern| pattern.matches(tenant.as_str()) && pattern.as_str() != "*");
        let others = (0_u32..).map_while(|number| format!("other-{number}").parse().ok()).find(is_other);
        named.chain(others.map(|tenant| (tenant, true))).collect()
    }
}

/// A tenant that fits a pattern, if a tenant's name can.
fn example(pattern: &Pattern) -> Option<TenantId> {
    pattern.as_str().replace('*', "any").parse().ok()
}
