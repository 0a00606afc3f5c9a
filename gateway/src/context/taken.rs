//! The route that a request took.

use tradewind_policies::{ModelId, RouteName, canary::Arm, spec::NanoUsd};

/// The route that a request took, and what follows from that.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The route.
    pub route: RouteName,
    /// The model that it is for.
    pub model: ModelId,
    /// Whether that is a larger one than was asked for, because the request is too long for that.
    pub is_larger: bool,
    /// To which part of the sessions it belongs, where the route has a canary.
    pub arm: Option<Arm>,
    /// What the answer is predicted to cost at most, wherever on the route it comes from.
    pub predicted_cost: Option<NanoUsd>,
}

impl Taken {
    /// Of a request that no backend of the route may serve.
    #[must_use]
    pub const fn in_vain(route: RouteName, model: ModelId) -> Self {
        Self { route, model, is_larger: false, arm: None, predicted_cost: None }
    }
}
