//! Which model names a caller gets to see.

use std::sync::Arc;

use super::Policy;
use crate::grant::Grants;
use crate::name::ModelId;
use crate::operation::Operations;
use crate::request::{Caller, Request};
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
    /// The names that this caller may ask for with success, sorted: granted, and with a backend for a request that needs nothing in
    /// particular.
    pub fn models_for<'p>(&'p self, caller: &Caller<'_>, grants: Option<&Grants>) -> Vec<VisibleModel<'p>> {
        let Ok(sides) = self.sides(caller.tenant, grants) else {
            return Vec::new();
        };
        let visible = |(name, place): (&'p Arc<str>, &'p usize)| {
            let model = self.models.get(*place)?;
            sides.grant(name, Some(&model.id)).ok()?;
            let serves = |operation: &Operation| self.eligible(&Request::new(*caller, name, *operation)).is_ok();
            let operations: Operations = Operation::ALL.into_iter().filter(serves).collect();
            (operations != Operations::default()).then_some(VisibleModel { name, model: &model.id, operations })
        };
        let mut models: Vec<_> = self.names.iter().filter_map(visible).collect();
        models.sort_unstable_by_key(|model| model.name);
        models
    }
}
