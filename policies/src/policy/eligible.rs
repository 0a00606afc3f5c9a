//! Which backends may serve a request.

use super::Policy;
use crate::name::{ModelId, RouteName, TenantId};
use crate::spec::{Routing, Target, Timeouts};
use tradewind_protocol::Operation;

/// Which backends may serve a request, and within which limits. It borrows from the policy; nothing is allocated.
#[derive(Clone, Copy, Debug)]
pub struct Eligible<'p> {
    /// The model that the asked name stands for.
    pub model: &'p ModelId,
    /// The route that matched.
    pub route: &'p RouteName,
    /// The backends that may serve it, by preference: a later tier is for when the earlier ones cannot. There is
    /// at least one tier, and none is empty.
    pub tiers: &'p [Vec<Target>],
    /// How one of them is chosen, and what is done when it fails.
    pub routing: &'p Routing,
    /// The limits of the request as a whole, `total` above all; those of an attempt are in its [`Target`].
    pub timeouts: Timeouts,
}

/// Why no backend may serve a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// No route matches a model of that name.
    #[error("model `{asked}` does not exist")]
    NoSuchModel {
        /// The name that was asked for.
        asked: String,
    },
    /// The model has routes, but none is for this tenant.
    #[error("no route leads tenant `{tenant}` to model `{model}`")]
    NotForTenant {
        /// The model that was found.
        model: ModelId,
        /// Who asked.
        tenant: TenantId,
    },
    /// The route that matched has no backend for the operation. No later route is asked: the first match decides.
    #[error("no backend of route `{route}` serves {operation} with model `{model}`")]
    OperationNotServed {
        /// The model that was found.
        model: ModelId,
        /// The route that matched.
        route: RouteName,
        /// What its backends cannot do.
        operation: Operation,
    },
}

impl Policy {
    /// The backends that may serve this request: those of the first route for the model and the tenant.
    ///
    /// It does not ask whether the tenant is allowed the model: that is [`Policy::authorize`].
    ///
    /// # Errors
    ///
    /// Why there are none.
    pub fn eligible(&self, tenant: &TenantId, asked: &str, operation: Operation) -> Result<Eligible<'_>, NoRoute> {
        let model = self.model(asked).ok_or_else(|| NoRoute::NoSuchModel { asked: asked.into() })?;
        let route = self
            .routes_of(model)
            .find(|route| route.is_for(tenant))
            .ok_or_else(|| NoRoute::NotForTenant { model: model.id.clone(), tenant: tenant.clone() })?;
        let tiers = route.tiers(operation);
        if tiers.is_empty() {
            let (model, route) = (model.id.clone(), route.name.clone());
            return Err(NoRoute::OperationNotServed { model, route, operation });
        }
        Ok(Eligible { model: &model.id, route: &route.name, tiers, routing: &route.routing, timeouts: route.timeouts })
    }
}
