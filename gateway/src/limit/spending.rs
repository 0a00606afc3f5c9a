//! What tenants have spent, in all and on single routes, and what may still be spent. Each gateway counts for itself.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc, time::Duration};

use metrics::gauge;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tradewind_policies::{
    Account, InvalidName, OverBudget, Period, RouteName, TenantId,
    spec::{Budget, NanoUsd},
};

use super::accounts::{Accounts, Line};
use crate::{
    home::{Home, HomeError},
    telemetry::names,
};

/// How often it is written what was spent. A crash forgets no more.
const EVERY: Duration = Duration::from_secs(5);

/// What the tenants have spent, in all and on single routes, and what copies of requests have cost.
#[derive(Debug, Default)]
pub struct Spending {
    tenants: Accounts<TenantId>,
    routes: Accounts<OnRoute>,
    /// By the routes of the requests.
    pub(super) copies: Accounts<RouteName>,
}

/// The file.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct File {
    tenants: BTreeMap<String, Line>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    routes: BTreeMap<String, Line>,
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
            routes: Accounts::read(file.routes).map_err(damaged)?,
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
        File { tenants: self.tenants.lines(), routes: self.routes.lines(), copies: self.copies.lines() }
    }

    /// Sets aside what a request is predicted to cost.
    pub(super) fn reserve(&self, purse: &Purse, budget: Budget, predicted: NanoUsd) -> Result<(), OverBudget> {
        match purse {
            Purse::Tenant(tenant) => self.tenants.reserve(tenant, budget, predicted, |account| tell(tenant, budget, account)),
            Purse::OnRoute(own) => self.routes.reserve(own, budget, predicted, |account| tell_route(own, budget, account)),
        }
    }

    /// Takes what it did cost.
    pub(super) fn settle(&self, purse: &Purse, budget: Budget, predicted: NanoUsd, paid: NanoUsd) {
        match purse {
            Purse::Tenant(tenant) => self.tenants.settle(tenant, predicted, paid, |account| tell(tenant, budget, account)),
            Purse::OnRoute(own) => self.routes.settle(own, predicted, paid, |account| tell_route(own, budget, account)),
        }
    }
}

/// Whose money is counted: a tenant's, on all routes or on one.
#[derive(Debug)]
pub(super) enum Purse {
    Tenant(TenantId),
    OnRoute(OnRoute),
}

/// A tenant on one route. Written `ROUTE TENANT`: no name has a space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OnRoute {
    pub(super) route: RouteName,
    pub(super) tenant: TenantId,
}

impl fmt::Display for OnRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.route, self.tenant)
    }
}

impl FromStr for OnRoute {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (route, tenant) = text.split_once(' ').unwrap_or((text, ""));
        Ok(Self { route: route.parse()?, tenant: tenant.parse()? })
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

/// The same of what the tenant may spend on the route.
fn tell_route(OnRoute { route, tenant }: &OnRoute, budget: Budget, account: &Account) {
    if let Some(left) = account.left(budget, Period::Day) {
        gauge!(names::CEILING_LEFT, names::TENANT => tenant.to_string(), names::ROUTE => route.to_string()).set(left.0 as f64);
    }
}
