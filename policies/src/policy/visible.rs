//! Which model names a caller gets to see.

use std::sync::Arc;

use super::Policy;
use crate::grant::Grants;
use crate::name::{ModelId, TenantId};
use crate::operation::Operations;
use tradewind_protocol::Operation;

/// A name that a caller may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisibleModel<'p> {
    /// The name, an id or an alias.
    pub name: &'p str,
    /// The model it stands for.
    pub model: &'p ModelId,
    /// What the caller can do with it.
    pub operations: Operations,
}

impl Policy {
    /// The names that this caller may ask for with success, sorted: granted, and with a route for the tenant.
    pub fn models_for<'p>(&'p self, tenant: &TenantId, grants: Option<&Grants>) -> Vec<VisibleModel<'p>> {
        let Ok(sides) = self.sides(tenant, grants) else {
            return Vec::new();
        };
        let visible = |(name, place): (&'p Arc<str>, &'p usize)| {
            let model = self.models.get(*place)?;
            sides.grant(name, Some(&model.id)).ok()?;
            let route = self.routes_of(model).find(|route| route.is_for(tenant))?;
            let operations = Operation::ALL.into_iter().filter(|op| !route.tiers(*op).is_empty()).collect();
            Some(VisibleModel { name, model: &model.id, operations })
        };
        let mut models: Vec<_> = self.names.iter().filter_map(visible).collect();
        models.sort_unstable_by_key(|model| model.name);
        models
    }
}
