//! The routes by the tenants that they are for, so that those of one tenant are found without asking each route.

use std::collections::HashMap;

use crate::name::TenantId;
use crate::pattern::Pattern;
use crate::spec::RouteSpec;

/// The routes of a policy, by the tenants that they name.
pub(super) struct ByTenant<'r> {
    everybody: Fits,
    named: HashMap<&'r str, Vec<usize>>,
    patterns: Vec<(&'r Pattern, usize)>,
}

/// For each route, as a bit, whether it is for a tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Fits(Vec<u64>);

impl Fits {
    /// Whether the route at this place is.
    pub(super) fn holds(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    fn insert(&mut self, place: usize) {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
    }
}

impl<'r> ByTenant<'r> {
    pub(super) fn of(routes: &'r [RouteSpec]) -> Self {
        let mut all = Self { everybody: Fits(vec![0; routes.len().div_ceil(64)]), named: HashMap::new(), patterns: Vec::new() };
        for (place, route) in routes.iter().enumerate() {
            let Some(patterns) = &route.tenants else {
                all.everybody.insert(place);
                continue;
            };
            for pattern in patterns {
                match pattern.is_wildcard() {
                    true => all.patterns.push((pattern, place)),
                    false => all.named.entry(pattern.as_str()).or_default().push(place),
                }
            }
        }
        all
    }

    /// The routes that are for this tenant.
    pub(super) fn fits(&self, tenant: &TenantId) -> Fits {
        let mut fits = self.everybody.clone();
        self.named.get(tenant.as_str()).into_iter().flatten().for_each(|place| fits.insert(*place));
        let matching = self.patterns.iter().filter(|(pattern, _)| pattern.matches(tenant.as_str()));
        matching.for_each(|(_, place)| fits.insert(*place));
        fits
    }
}
