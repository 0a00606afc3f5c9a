//! What a route remembers from request to request, beyond what is known of its deployments.

use std::sync::{Mutex, PoisonError};

use quick_cache::unsync::Cache;
use tokio::time::Instant;
use tradewind_policies::{
    TenantId,
    select::{ExpectedOutput, HedgeBudget, Monotonic, RetryBudget},
    spec::Routing,
};

/// Of so many tenants the length of their answers is remembered.
const TENANTS: usize = 1024;

/// What a route remembers. It outlives a reload that leaves the route its name and its budgets.
#[derive(Debug)]
pub struct RouteState {
    epoch: Instant,
    shares: (f64, f64),
    budgets: Mutex<Budgets>,
    outputs: Mutex<Cache<TenantId, ExpectedOutput>>,
}

#[derive(Debug)]
struct Budgets {
    retries: RetryBudget,
    hedges: HedgeBudget,
}

impl RouteState {
    /// Nothing remembered, and the budgets of `routing`.
    #[must_use]
    pub fn new(routing: &Routing) -> Self {
        let shares = shares(routing);
        let budgets = Budgets { retries: RetryBudget::new(shares.0), hedges: HedgeBudget::new(shares.1) };
        Self { epoch: Instant::now(), shares, budgets: Mutex::new(budgets), outputs: Mutex::new(Cache::new(TENANTS)) }
    }

    /// Whether this is what `routing` asks for.
    #[must_use]
    pub fn suits(&self, routing: &Routing) -> bool {
        self.shares == shares(routing)
    }

    /// A request has come.
    pub fn request(&self) {
        let now = self.now();
        self.with_budgets(|budgets| {
            budgets.retries.request(now);
            budgets.hedges.request();
        });
    }

    /// Takes a further attempt out of the budget; whether there was one.
    #[must_use]
    pub fn take_retry(&self) -> bool {
        let now = self.now();
        self.with_budgets(|budgets| budgets.retries.take(now))
    }

    /// Takes a second request beside a slow one out of the budget; whether there was one.
    #[must_use]
    pub fn take_hedge(&self) -> bool {
        self.with_budgets(|budgets| budgets.hedges.take())
    }

    /// How many tokens to expect in an answer to `tenant` that may have so many.
    #[must_use]
    pub fn expected_output(&self, tenant: &TenantId, max_tokens: Option<u64>) -> f64 {
        let outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        outputs.peek(tenant).copied().unwrap_or_default().tokens(max_tokens)
    }

    /// An answer to `tenant` had so many tokens.
    pub fn observe_output(&self, tenant: &TenantId, tokens: u64) {
        let mut outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut expected = outputs.get(tenant).copied().unwrap_or_default();
        expected.observe(tokens);
        outputs.insert(tenant.clone(), expected);
    }

    fn now(&self) -> Monotonic {
        Monotonic::since_epoch(self.epoch.elapsed())
    }

    fn with_budgets<T>(&self, act: impl FnOnce(&mut Budgets) -> T) -> T {
        act(&mut self.budgets.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn shares(routing: &Routing) -> (f64, f64) {
    (routing.retry_budget.get(), routing.hedge_budget.map_or(0.0, |share| share.get()))
}
