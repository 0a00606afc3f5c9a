//! What copies of requests may cost in a day: set aside before one is sent, and taken when its answer has ended.

use std::sync::Arc;

use metrics::gauge;
use tradewind_policies::{
    Account, OverBudget, Period, RouteName,
    spec::{Budget, NanoUsd},
};

use super::Spending;
use crate::{context::RequestContext, telemetry::names};

/// What is set aside for a copy; settled when this is dropped, by what its context says then.
#[derive(Debug)]
pub struct CopyReservation {
    spending: Arc<Spending>,
    /// That of the copy.
    context: Arc<RequestContext>,
    route: RouteName,
    budget: Budget,
    predicted: NanoUsd,
}

impl Spending {
    /// Sets aside what a copy of a request to `route` is predicted to cost, of the most that all of them may cost in a day.
    ///
    /// # Errors
    /// That is more than is left.
    pub fn reserve_copy(
        self: &Arc<Self>,
        context: &Arc<RequestContext>,
        route: &RouteName,
        max_per_day: NanoUsd,
        predicted: NanoUsd,
    ) -> Result<CopyReservation, OverBudget> {
        let budget = Budget { per_day: Some(max_per_day), per_month: None };
        self.copies.reserve(route, budget, predicted, |account| tell(route, budget, account))?;
        let (spending, context, route) = (Arc::clone(self), Arc::clone(context), route.clone());
        Ok(CopyReservation { spending, context, route, budget, predicted })
    }

    /// What copies of requests to `route` have cost today.
    #[must_use]
    pub fn of_copies(&self, route: &RouteName) -> NanoUsd {
        self.copies.of_day(route)
    }
}

impl Drop for CopyReservation {
    fn drop(&mut self) {
        let (route, budget, paid) = (&self.route, self.budget, self.context.cost().unwrap_or_default());
        self.spending.copies.settle(route, self.predicted, paid, |account| tell(route, budget, account));
    }
}

/// Shows what is left.
fn tell(route: &RouteName, budget: Budget, account: &Account) {
    if let Some(left) = account.left(budget, Period::Day) {
        gauge!(names::SHADOW_BUDGET_LEFT, names::ROUTE => route.to_string()).set(left.0 as f64);
    }
}
