//! Which backends may serve a request.

use super::Policy;
use crate::name::{ModelId, RouteName, TenantId};
use crate::request::{Caller, Request};
use crate::spec::{Lane, RouteSpec, Routing, Target, Targets, Timeouts};
use tradewind_protocol::Operation;

/// Which backends may serve a request, and within which limits. It borrows from the policy; nothing is allocated.
#[derive(Clone, Copy, Debug)]
pub struct Eligible<'p> {
    /// The model that the asked name stands for.
    pub model: &'p ModelId,
    /// The route that matched.
    pub route: &'p RouteName,
    /// How one of the backends is chosen, and what is done when it fails.
    pub routing: &'p Routing,
    /// The limits of the request as a whole, `total` above all; those of an attempt are in its [`Target`].
    pub timeouts: Timeouts,
    targets: Targets<'p>,
}

impl<'p> Eligible<'p> {
    /// The backends that may serve it, those of the first tier first. There is at least one.
    pub fn targets(&self) -> impl Iterator<Item = &'p Target> + use<'p> {
        self.targets.iter()
    }
}

/// Why no backend may serve a request. Its text names what is the operator's affair: it is for logs and records.
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

/// The route that a request takes, and what it leads to.
#[derive(Clone, Copy)]
pub(super) struct Matched<'p> {
    pub(super) route: &'p RouteSpec,
    pub(super) lane: &'p Lane,
}

impl Policy {
    /// The backends that may serve this request: those of the first route that matches, without those that a stage leaves out.
    ///
    /// It does not ask whether the tenant is allowed the model: that is [`Policy::authorize`].
    ///
    /// # Errors
    ///
    /// Why there are none.
    pub fn eligible(&self, request: &Request<'_>) -> Result<Eligible<'_>, NoRoute> {
        let Matched { route, lane } = self.matched(&request.caller, request.asked)?;
        let targets = lane.serving(request.operation);
        if targets.is_empty() {
            let (model, route) = (lane.model.clone(), route.name.clone());
            return Err(NoRoute::OperationNotServed { model, route, operation: request.operation });
        }
        Ok(Eligible { model: &lane.model, route: &route.name, routing: &route.routing, timeouts: route.timeouts, targets })
    }

    /// The first route for that name and that caller.
    pub(super) fn matched(&self, caller: &Caller<'_>, asked: &str) -> Result<Matched<'_>, NoRoute> {
        let model = self.model(asked).ok_or_else(|| NoRoute::NoSuchModel { asked: asked.into() })?;
        let mut routes = self.routes_of(model).filter(|route| route.is_for(caller.tenant));
        let matched = routes.find_map(|route| Some(Matched { route, lane: route.lane(&model.id)? }));
        matched.ok_or_else(|| NoRoute::NotForTenant { model: model.id.clone(), tenant: caller.tenant.clone() })
    }
}
