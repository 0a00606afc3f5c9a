//! Where the parts of a policy are written, which the policy itself does not know.

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::At;
use crate::name::{BackendName, ModelAlias, RouteName, TenantId};
use crate::read::{Draft, RawRoute};

/// Where a part is written, and the path of its key.
#[derive(Clone)]
pub(super) struct Spot {
    pub(super) at: At,
    pub(super) key: String,
}

/// Where the parts of a policy are written.
pub(crate) struct Places {
    pub(super) backends: BTreeMap<BackendName, Spot>,
    pub(super) aliases: BTreeMap<ModelAlias, Spot>,
    pub(super) tenants: BTreeMap<TenantId, Spot>,
    pub(super) routes: BTreeMap<RouteName, Spot>,
    /// The table of prices, where it is the policy's own.
    pub(super) prices: Option<Spot>,
    /// The backends that some route names.
    pub(super) used: BTreeSet<BackendName>,
}

impl Places {
    pub(super) fn of(draft: &Draft) -> Self {
        let spot = |at: At, key: &String| Spot { at, key: key.clone() };
        let backends = draft.backends.iter().map(|(name, entry)| (name.clone(), spot(entry.at, &entry.key)));
        let aliases = draft.aliases.iter().map(|(name, entry)| (name.clone(), spot(entry.at, &entry.key)));
        let tenants = draft.tenants.iter().map(|(name, entry)| (name.clone(), spot(entry.at, &entry.key)));
        let names = draft.routes.iter().filter_map(|route| route.name.as_ref());
        let routes = names.map(|name| (name.value.clone(), spot(name.at, &name.key)));
        let shadows = draft.routes.iter().filter_map(|route| route.shadow.as_ref()).map(|shadow| &shadow.backend);
        let used = draft.routes.iter().flat_map(RawRoute::backends).chain(shadows);
        Self {
            backends: backends.collect(),
            aliases: aliases.collect(),
            tenants: tenants.collect(),
            routes: routes.collect(),
            prices: draft.prices.as_ref().map(|table| spot(table.at, &table.key)),
            used: used.map(|backend| backend.value.clone()).collect(),
        }
    }
}
