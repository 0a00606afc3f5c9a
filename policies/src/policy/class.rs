//! Which tenants no stage tells apart, worked out once: a request then only looks up the class of its tenant.

use std::collections::{BTreeSet, HashMap};

use super::by_tenant::{ByTenant, Fits};
use crate::name::TenantId;
use crate::spec::{Floor, Requirement, RouteSpec, TenantSpec};

/// What tenants require, each once; nothing comes first.
pub(super) fn floors(tenants: Option<&HashMap<TenantId, TenantSpec>>) -> Vec<Requirement> {
    let mut floors = vec![Requirement::default()];
    for tenant in tenants.into_iter().flat_map(HashMap::values) {
        if !floors.contains(&tenant.requirement) {
            floors.push(tenant.requirement);
        }
    }
    floors
}

/// Tenants by what the routes and their own requirements make of them.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    of: HashMap<TenantId, ClassIndex>,
    all: Vec<Class>,
    /// Whether there are no tenants but those in `of`.
    is_closed: bool,
}

/// The place of a class in [`Classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClassIndex(pub(super) usize);

/// Tenants that no stage tells apart.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) floor: Floor,
}

impl Classes {
    /// Those of the tenants that are declared, else of those that routes name in full: with a `*`, there is no end of them. Beside them, the
    /// routes that are for each class.
    pub(super) fn compile(
        tenants: Option<&HashMap<TenantId, TenantSpec>>,
        floors: &[Requirement],
        routes: &[RouteSpec],
    ) -> (Self, Vec<Fits>) {
        let patterns = || routes.iter().flat_map(|route| route.tenants.iter().flatten());
        let known: BTreeSet<TenantId> = match tenants {
            Some(tenants) => tenants.keys().cloned().collect(),
            None => patterns().filter_map(|pattern| pattern.as_str().parse().ok()).collect(),
        };
        let floor = |tenant: &TenantId| {
            let required = tenants.and_then(|tenants| tenants.get(tenant)).map(|tenant| tenant.requirement);
            Floor(floors.iter().position(|floor| Some(*floor) == required).unwrap_or_default())
        };
        let by_tenant = ByTenant::of(routes);
        let (mut of, mut all, mut fitting) = (HashMap::with_capacity(known.len()), Vec::new(), Vec::new());
        let mut seen: HashMap<(Floor, Fits), ClassIndex> = HashMap::new();
        for tenant in known {
            let floor = floor(&tenant);
            let class = *seen.entry((floor, by_tenant.fits(&tenant))).or_insert_with_key(|(_, fits)| {
                all.push(Class { floor });
                fitting.push(fits.clone());
                ClassIndex(all.len() - 1)
            });
            of.insert(tenant, class);
        }
        (Self { of, all, is_closed: tenants.is_some() }, fitting)
    }

    /// The class of a tenant, if it is a known one.
    pub(super) fn of(&self, tenant: &TenantId) -> Option<ClassIndex> {
        self.of.get(tenant).copied()
    }

    pub(super) fn get(&self, class: ClassIndex) -> Option<&Class> {
        self.all.get(class.0)
    }

    /// Whether a tenant that is in no class is none at all.
    pub(super) fn are_closed(&self) -> bool {
        self.is_closed
    }
}
