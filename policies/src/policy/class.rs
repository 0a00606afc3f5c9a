//! Which tenants no stage tells apart, worked out once: a request then only looks up the class of its tenant.

use std::collections::{BTreeSet, HashMap};

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
    /// One of them.
    pub(super) example: TenantId,
    pub(super) floor: Floor,
}

impl Classes {
    /// Those of the tenants that are declared, else of those that routes name in full: with a `*`, there is no end of them.
    pub(super) fn compile(tenants: Option<&HashMap<TenantId, TenantSpec>>, floors: &[Requirement], routes: &[RouteSpec]) -> Self {
        let patterns = || routes.iter().flat_map(|route| route.tenants.iter().flatten());
        let known: BTreeSet<TenantId> = match tenants {
            Some(tenants) => tenants.keys().cloned().collect(),
            None => patterns().filter_map(|pattern| pattern.as_str().parse().ok()).collect(),
        };
        let floor = |tenant: &TenantId| {
            let required = tenants.and_then(|tenants| tenants.get(tenant)).map(|tenant| tenant.requirement);
            Floor(floors.iter().position(|floor| Some(*floor) == required).unwrap_or_default())
        };
        let (mut of, mut all) = (HashMap::with_capacity(known.len()), Vec::new());
        let mut seen: HashMap<(Floor, Vec<u64>), ClassIndex> = HashMap::new();
        for tenant in known {
            let floor = floor(&tenant);
            let class = *seen.entry((floor, fits(&tenant, routes))).or_insert_with(|| {
                all.push(Class { example: tenant.clone(), floor });
                ClassIndex(all.len() - 1)
            });
            of.insert(tenant, class);
        }
        Self { of, all, is_closed: tenants.is_some() }
    }

    /// The class of a tenant, if it is a known one.
    pub(super) fn of(&self, tenant: &TenantId) -> Option<ClassIndex> {
        self.of.get(tenant).copied()
    }

    pub(super) fn get(&self, class: ClassIndex) -> Option<&Class> {
        self.all.get(class.0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Class> {
        self.all.iter()
    }

    /// Whether a tenant that is in no class is none at all.
    pub(super) fn are_closed(&self) -> bool {
        self.is_closed
    }
}

/// For each route, as a bit, whether it is for this tenant.
fn fits(tenant: &TenantId, routes: &[RouteSpec]) -> Vec<u64> {
    let word = |routes: &[RouteSpec]| {
        let bits = routes.iter().enumerate().map(|(place, route)| u64::from(route.is_for(tenant)) << place);
        bits.fold(0, |word, bit| word | bit)
    };
    routes.chunks(64).map(word).collect()
}
