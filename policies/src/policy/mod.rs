//! A policy in force: one immutable value, compiled so that each question of a request is a look-up.

use std::collections::HashMap;
use std::sync::Arc;

use crate::check;
use crate::fault::{PolicyErrors, Report};
use crate::name::{ModelAlias, ModelId, RouteName, TenantId};
use crate::operation::Operations;
use crate::source::{PolicyHash, SourceFile};
use crate::spec::{BackendSpec, Canary, Floor, PriceTable, RouteParts, RouteSpec, Routing, Shadow, TenantSpec, Who};
use chain::Chains;
use class::Classes;
use whose::Headers;

mod authorize;
mod builtin;
mod by_tenant;
mod chain;
mod class;
mod consider;
mod eligible;
mod known;
mod larger;
mod order;
mod tenant_class;
mod told_apart;
mod visible;
mod whose;

pub use authorize::{Denied, Grantor};
pub use consider::{Considered, Considering, Excluded, Stage};
pub(crate) use eligible::Way;
pub use eligible::{Eligible, NoRoute, Reasons};
pub(crate) use known::Unknown;
pub use larger::{Outgrown, Stays};
pub use tenant_class::TenantClass;
pub use visible::VisibleModel;
pub use whose::NoTenant;

/// A policy in force. The gateway keeps the current one behind a swappable pointer; a request takes one snapshot
/// and keeps it to its end.
#[derive(Clone, Debug)]
pub struct Policy {
    hash: PolicyHash,
    backends: Vec<BackendSpec>,
    /// In the order in which they are tried.
    routes: Vec<RouteSpec>,
    /// `None` if the policy declares no tenants and leaves them to the token issuer.
    tenants: Option<HashMap<TenantId, TenantSpec>>,
    headers: Headers,
    /// The tenants that know their tokens by their claims, sorted.
    known_by_claims: Vec<(TenantId, Who)>,
    /// Which tenants no stage tells apart.
    classes: Classes,
    /// The table of prices, if any of them is used.
    prices: Option<PriceTable>,
    models: Vec<Model>,
    /// Every name that can be asked for, id or alias, with the place of its model in `models`.
    names: HashMap<Arc<str>, usize>,
}

/// A model that some route matches.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) id: ModelId,
    /// What at least one route can serve.
    pub(crate) operations: Operations,
    /// Its routes.
    routes: Chains,
}

/// What a policy is compiled from; every reference in it has been checked.
pub(crate) struct Parts {
    pub(crate) hash: PolicyHash,
    pub(crate) backends: Vec<BackendSpec>,
    pub(crate) aliases: Vec<(ModelAlias, ModelId)>,
    pub(crate) tenants: Option<HashMap<TenantId, TenantSpec>>,
    pub(crate) routes: Vec<RouteParts>,
    /// `None` where nothing is paid for.
    pub(crate) prices: Option<PriceTable>,
}

impl Policy {
    /// Reads a policy from the texts of its files. Tables of several files are merged; routes are tried in the
    /// order of the files, then in the order within each. A policy whose own tests fail is as faulty as one that cannot be read.
    ///
    /// # Errors
    ///
    /// All faults of all files at once, in the order of the files.
    pub fn parse(files: &[SourceFile]) -> Result<Self, PolicyErrors> {
        let mut report = Report::new(files);
        let (policy, _) = check::read(files, &mut report);
        report.into_result(policy)
    }

    pub(crate) fn compile(parts: Parts) -> Self {
        let Parts { hash, backends, aliases, tenants, routes, prices } = parts;
        let floors = class::floors(tenants.as_ref());
        let routes: Vec<_> = routes.into_iter().map(|route| RouteSpec::compile(route, &backends, &floors)).collect();
        let (classes, fitting) = Classes::compile(tenants.as_ref(), &floors, &routes);
        let mut places: Vec<(&ModelId, Vec<usize>)> = Vec::new();
        let mut names: HashMap<Arc<str>, usize> = HashMap::new();
        for (place, route) in routes.iter().enumerate() {
            let id = &route.lane.model;
            let model = *names.entry(id.as_str().into()).or_insert(places.len());
            match places.get_mut(model) {
                Some((_, routes)) => routes.push(place),
                None => places.push((id, vec![place])),
            }
        }
        for (alias, id) in &aliases {
            if let Some(place) = names.get(id.as_str()).copied() {
                names.insert(alias.as_str().into(), place);
            }
        }
        let model = |(id, places): (&ModelId, Vec<usize>)| {
            let lanes = places.iter().filter_map(|place| routes.get(*place)).map(|route| &route.lane);
            let operations = lanes.map(|lane| lane.operations(Floor::default())).fold(Operations::default(), Operations::union);
            Model { id: id.clone(), operations, routes: Chains::compile(places, &fitting, &routes) }
        };
        let models = places.into_iter().map(model).collect();
        let listed = |backend: &BackendSpec| backend.models.iter().any(|model| model.price.is_of_table());
        let prices = prices.filter(|_| backends.iter().any(listed));
        let known = tenants.iter().flatten().filter_map(|(id, tenant)| Some((id.clone(), tenant.who.clone()?)));
        let mut known_by_claims: Vec<_> = known.collect();
        known_by_claims.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let headers = Headers::of(&routes);
        Self { hash, backends, routes, tenants, headers, known_by_claims, classes, prices, models, names }
    }

    /// The fingerprint of the policy's texts.
    pub fn hash(&self) -> PolicyHash {
        self.hash
    }

    /// Every backend, used by a route or not, sorted by name. [`Target::backend`](crate::spec::Target::backend)
    /// is a place in this list.
    pub fn backends(&self) -> &[BackendSpec] {
        &self.backends
    }

    /// Where the prices come from that the policy does not state itself; `None` if it states all that are known.
    pub fn prices(&self) -> Option<&PriceTable> {
        self.prices.as_ref()
    }

    /// Every route and how it chooses, in the order in which they are tried.
    pub fn routes(&self) -> impl Iterator<Item = (&RouteName, &Routing)> {
        self.routes.iter().map(|route| (&route.name, &route.routing))
    }

    /// The routes that have a canary. A route for several models is here for each of them.
    pub fn canaries(&self) -> impl Iterator<Item = (&RouteName, &Canary)> {
        self.routes.iter().filter_map(|route| Some((&route.name, &route.canary.as_ref()?.canary)))
    }

    /// Every shadow of a route, once for each model that the route is for.
    pub fn shadows(&self) -> impl Iterator<Item = (&RouteName, Shadow<'_>)> {
        self.routes.iter().filter_map(|route| Some((&route.name, route.shadow.as_ref()?.whole()?)))
    }

    /// What a tenant may do, if the policy declares it.
    pub fn tenant(&self, id: &TenantId) -> Option<&TenantSpec> {
        self.tenants.as_ref()?.get(id)
    }

    /// The tenants that the policy declares, and what each may do.
    pub fn tenants(&self) -> impl Iterator<Item = (&TenantId, &TenantSpec)> {
        self.tenants.iter().flatten()
    }

    /// The same, with all that is known of them.
    pub(crate) fn route_specs(&self) -> impl Iterator<Item = &RouteSpec> {
        self.routes.iter()
    }

    /// Every name that can be asked for, with its model, in no particular order.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, &Model)> {
        self.names.iter().filter_map(|(name, place)| Some((name.as_ref(), self.models.get(*place)?)))
    }

    /// The model of that name, be it an id or an alias, if some route matches it.
    pub(crate) fn model(&self, asked: &str) -> Option<&Model> {
        self.names.get(asked).and_then(|place| self.models.get(*place))
    }
}
