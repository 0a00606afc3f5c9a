//! Layer 14: no more money than a tenant's budget has, and than it may spend on the route. What a request may cost is set aside before it is sent,
//! and what it did cost is taken when its answer has ended.
//!
//! Behind the route, which knows what a request may cost, and above the attempts, which spend.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::{Either, Ready, ready};
use http::{HeaderName, HeaderValue, Response};
use smallvec::SmallVec;
use tower::{Layer, Service};
use tradewind_policies::{
    OverBudget,
    spec::{Budget, NanoUsd},
};

use super::spending::{OnRoute, Purse, Spending};
use crate::{
    body::{Body, End, OnEnd},
    context::{RequestContext, Taken},
    error::{Error, Kind},
    finishing::{Finish, Finishing},
};

/// OpenAI's SDKs ask again after any other 429, in vain until the budget's next day.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// The reason in the audit record where the tenant has spent what it may in a day on the route.
const OF_ROUTE: &str = "ceiling_per_tenant_day";

/// Wraps a service in [`Budgeted`].
#[derive(Debug, Clone)]
pub struct BudgetLayer {
    spending: Arc<Spending>,
}

impl BudgetLayer {
    /// Spends from the accounts in `spending`.
    #[must_use]
    pub const fn new(spending: Arc<Spending>) -> Self {
        Self { spending }
    }
}

impl<S> Layer<S> for BudgetLayer {
    type Service = Budgeted<S>;

    fn layer(&self, inner: S) -> Budgeted<S> {
        Budgeted { inner, spending: Arc::clone(&self.spending) }
    }
}

/// Refuses with 429 what would cost more than is left of the tenant's budget.
#[derive(Debug, Clone)]
pub struct Budgeted<S> {
    inner: S,
    spending: Arc<Spending>,
}

impl<S, R> Service<R> for Budgeted<S>
where
    S: Service<R, Response = Response<Body>, Error = Error>,
    R: AsRef<Arc<RequestContext>>,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = Either<Finishing<S::Future, Reservation>, Ready<Result<Response<Body>, Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        match Reservation::make(&self.spending, request.as_ref()) {
            Ok(reservation) => Either::Left(Finishing::new(self.inner.call(request), reservation)),
            Err(error) => Either::Right(ready(Err(error))),
        }
    }
}

fn refusal(over: OverBudget, purse: &Purse) -> Error {
    let period = over.period.as_str();
    let of = if matches!(purse, Purse::OnRoute(_)) { " for this model" } else { "" };
    let message = format!(
        "Your organization's budget{of} for the {period} (UTC) is used up, or this request may cost more than is left of it."
    );
    let error = Error::new(Kind::BudgetExceeded, message).with_retry_after(over.ends_in);
    error.with_header(SHOULD_RETRY, HeaderValue::from_static("false"))
}

/// The caller is not told how much there is; the operator is.
fn tell(purse: &Purse, over: &OverBudget, predicted: NanoUsd) {
    let (tenant, route) = match purse {
        Purse::Tenant(tenant) => (tenant, None),
        Purse::OnRoute(OnRoute { tenant, route }) => (tenant, Some(route.as_str())),
    };
    let (period, left) = (over.period.as_str(), over.left);
    tracing::info!(%tenant, route, period, %left, %predicted, "the request may cost more than there is left to spend");
}

/// What is set aside for a request whose money is limited; settled when this is dropped.
#[derive(Debug)]
pub struct Reservation(SmallVec<[Reserved; 2]>);

#[derive(Debug)]
struct Reserved {
    spending: Arc<Spending>,
    context: Arc<RequestContext>,
    purse: Purse,
    budget: Budget,
    predicted: NanoUsd,
}

impl Reservation {
    /// Sets it aside wherever it is limited, or nowhere.
    fn make(spending: &Arc<Spending>, context: &Arc<RequestContext>) -> Result<Self, Error> {
        let predicted = context.taken().and_then(|taken| taken.predicted_cost).unwrap_or_default();
        let mut reserved = SmallVec::new();
        for (purse, budget) in limited(context) {
            if let Err(over) = spending.reserve(&purse, budget, predicted) {
                if matches!(purse, Purse::OnRoute(_)) {
                    context.set_reason(OF_ROUTE);
                }
                tell(&purse, &over, predicted);
                return Err(refusal(over, &purse));
            }
            let (spending, context) = (Arc::clone(spending), Arc::clone(context));
            reserved.push(Reserved { spending, context, purse, budget, predicted });
        }
        Ok(Self(reserved))
    }
}

/// What limits the money of a request: what its tenant may spend, and what it may spend on the route.
fn limited(context: &RequestContext) -> impl Iterator<Item = (Purse, Budget)> {
    let (tenant, snapshot) = (context.principal().map(|principal| &principal.tenant), context.snapshot());
    let of_tenant = tenant.and_then(|tenant| Some((Purse::Tenant(tenant.clone()), snapshot.budget(tenant)?)));
    let of_route = tenant.zip(context.taken()).and_then(|(tenant, Taken { route, .. })| {
        let budget = Budget { per_day: Some(snapshot.daily_ceiling(&route)?), ..Budget::default() };
        Some((Purse::OnRoute(OnRoute { route, tenant: tenant.clone() }), budget))
    });
    of_tenant.into_iter().chain(of_route)
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let paid = self.context.cost().unwrap_or_default();
        self.spending.settle(&self.purse, self.budget, self.predicted, paid);
    }
}

impl Finish<Result<Response<Body>, Error>> for Reservation {
    type Output = Result<Response<Body>, Error>;

    fn finish(self, outcome: Self::Output) -> Self::Output {
        outcome.map(|mut response| {
            if !self.0.is_empty() {
                response.body_mut().on_end(self);
            }
            response
        })
    }
}

impl OnEnd for Reservation {
    fn on_end(self: Box<Self>, _end: End) {}
}
