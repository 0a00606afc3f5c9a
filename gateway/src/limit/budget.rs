//! Layer 14: no more money than a tenant's budget has. What a request may cost is set aside before it is sent, and what it did cost is taken when its
//! answer has ended.
//!
//! Behind the route, which knows what a request may cost, and above the attempts, which spend. Each gateway counts for itself.

use std::{
    collections::BTreeMap,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{Either, Ready, ready};
use http::{HeaderName, HeaderValue, Response};
use metrics::gauge;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::{Layer, Service};
use tradewind_policies::{
    Account, OverBudget, Period, RouteName, TenantId,
    spec::{Budget, NanoUsd},
};

use super::accounts::{Accounts, Line};
use crate::{
    body::{Body, End, OnEnd},
    context::RequestContext,
    error::{Error, Kind},
    finishing::{Finish, Finishing},
    home::{Home, HomeError},
    telemetry::names,
};

/// OpenAI's SDKs ask again after any other 429, in vain until the budget's next day.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// How often it is written what was spent. A crash forgets no more.
const EVERY: Duration = Duration::from_secs(5);

/// What the tenants have spent, and what copies of requests have cost.
#[derive(Debug, Default)]
pub struct Spending {
    tenants: Accounts<TenantId>,
    /// By the routes of the requests.
    pub(super) copies: Accounts<RouteName>,
}

/// The file.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct File {
    tenants: BTreeMap<String, Line>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    copies: BTreeMap<String, Line>,
}

impl Spending {
    /// What an earlier process kept in `home`.
    ///
    /// # Errors
    /// The file is there and cannot be used: to begin anew would be to grant everybody's budget again.
    pub fn open(home: &Home) -> Result<Self, HomeError> {
        let Some(text) = home.spent()? else { return Ok(Self::default()) };
        let damaged = |problem: String| HomeError::spent_is_damaged(home, problem);
        let file: File = serde_json::from_str(&text).map_err(|error| damaged(format!("is damaged ({error})")))?;
        Ok(Self {
            tenants: Accounts::read(file.tenants).map_err(damaged)?,
            copies: Accounts::read(file.copies).map_err(damaged)?,
        })
    }

    /// Keeps in `home` what is spent, every few seconds, until `end`; and once more then.
    pub async fn keep(self: Arc<Self>, home: Home, end: CancellationToken) {
        let mut kept = self.file();
        loop {
            let goes_on = end.run_until_cancelled(sleep(EVERY)).await.is_some();
            let now = self.file();
            if now != kept {
                kept = write(home.clone(), now).await.unwrap_or(kept);
            }
            if !goes_on {
                return;
            }
        }
    }

    fn file(&self) -> File {
        File { tenants: self.tenants.lines(), copies: self.copies.lines() }
    }

    fn reserve(&self, tenant: &TenantId, budget: Budget, predicted: NanoUsd) -> Result<(), OverBudget> {
        self.tenants.reserve(tenant, budget, predicted, |account| tell(tenant, budget, account))
    }

    fn settle(&self, tenant: &TenantId, budget: Budget, predicted: NanoUsd, paid: NanoUsd) {
        self.tenants.settle(tenant, predicted, paid, |account| tell(tenant, budget, account));
    }
}

/// Writes the file; what was written, if it was.
async fn write(home: Home, file: File) -> Option<File> {
    let written = tokio::task::spawn_blocking(move || {
        let text = serde_json::to_string_pretty(&file).map_err(|error| error.to_string())?;
        home.keep_spent(&text).map_err(|error| error.to_string())?;
        Ok::<_, String>(file)
    });
    match written.await {
        Ok(Ok(file)) => Some(file),
        Ok(Err(error)) => {
            tracing::error!(error, "what was spent of budgets cannot be kept");
            None
        }
        // The task is never cancelled, so it can only have panicked, and the hook has said where.
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Shows what is left.
fn tell(tenant: &TenantId, budget: Budget, account: &Account) {
    for period in [Period::Day, Period::Month] {
        if let Some(left) = account.left(budget, period) {
            gauge!(names::BUDGET_LEFT, names::TENANT => tenant.to_string(), names::PERIOD => period.as_str()).set(left.0 as f64);
        }
    }
}

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
            Err(over) => Either::Right(ready(Err(refusal(over)))),
        }
    }
}

fn refusal(over: OverBudget) -> Error {
    let period = over.period.as_str();
    let message = format!(
        "Your organization's budget for the {period} (UTC) is used up, or this request may cost more than is left of it."
    );
    let error = Error::new(Kind::BudgetExceeded, message).with_retry_after(over.ends_in);
    error.with_header(SHOULD_RETRY, HeaderValue::from_static("false"))
}

/// What is set aside for a request, if its tenant has a budget; settled when this is dropped.
#[derive(Debug)]
pub struct Reservation(Option<Reserved>);

#[derive(Debug)]
struct Reserved {
    spending: Arc<Spending>,
    context: Arc<RequestContext>,
    tenant: TenantId,
    budget: Budget,
    predicted: NanoUsd,
}

impl Reservation {
    fn make(spending: &Arc<Spending>, context: &Arc<RequestContext>) -> Result<Self, OverBudget> {
        let tenant = context.principal().map(|principal| &principal.tenant);
        let budgeted = tenant.and_then(|tenant| Some((tenant, context.snapshot().budget(tenant)?)));
        let Some((tenant, budget)) = budgeted else { return Ok(Self(None)) };
        let predicted = context.predicted_cost().unwrap_or_default();
        spending.reserve(tenant, budget, predicted)?;
        let (spending, context, tenant) = (Arc::clone(spending), Arc::clone(context), tenant.clone());
        Ok(Self(Some(Reserved { spending, context, tenant, budget, predicted })))
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let paid = self.context.cost().unwrap_or_default();
        self.spending.settle(&self.tenant, self.budget, self.predicted, paid);
    }
}

impl Finish<Result<Response<Body>, Error>> for Reservation {
    type Output = Result<Response<Body>, Error>;

    fn finish(self, outcome: Self::Output) -> Self::Output {
        outcome.map(|mut response| {
            if self.0.is_some() {
                response.body_mut().on_end(self);
            }
            response
        })
    }
}

impl OnEnd for Reservation {
    fn on_end(self: Box<Self>, _end: End) {}
}
