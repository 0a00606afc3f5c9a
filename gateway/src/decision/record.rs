//! From a request that has ended to the record of its decision.

use std::{sync::Arc, time::Duration};

use tradewind_policies::{
    decision::{self, Decision, Moment, Needs, Tokens},
    spec::{Consumption, Target},
};

use super::parts::{self, Words};
use crate::context::{Outcome, RequestContext, TokenCount};

/// A request that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    context: Arc<RequestContext>,
    status: Option<u16>,
    outcome: Outcome,
    /// Why a stream broke off.
    reason: Option<&'static str>,
    /// From its head to its end.
    total: Duration,
}

impl Ended {
    /// One that ends now.
    pub(super) fn new(context: Arc<RequestContext>, status: Option<u16>, outcome: Outcome, reason: Option<&'static str>) -> Self {
        let total = context.elapsed();
        Self { context, status, outcome, reason, total }
    }

    /// The record; none of a request that asked for nothing, of a stranger's, and of one that got another's answer: nothing was decided of them.
    pub(super) fn record(&self, share: f64) -> Option<Decision> {
        let context = &*self.context;
        let (principal, asked) = context.principal().zip(context.asked()).filter(|_| context.replay_of().is_none())?;
        let considered = parts::considered(context);
        let (needs, expected_output_tokens) =
            context.trace(|trace| (trace.needs.unwrap_or_default(), trace.expected_output_tokens)).unwrap_or_default();
        let tokens = context.tokens();
        let first_token = context.time_to_first_content();
        let (route, model, candidates) = match considered {
            Some(Words { route, model, candidates }) => (Some(route), Some(model), candidates),
            None => (None, None, Vec::new()),
        };
        Some(Decision {
            version: decision::VERSION,
            id: context.id().to_string(),
            at: Moment::from(context.received()),
            share,
            policy: context.snapshot().policy_hash().to_string(),
            route,
            tenant: principal.tenant.to_string(),
            asked: asked.model.clone(),
            model,
            operation: asked.operation,
            streamed: asked.streamed,
            prompt_tokens: needs.prompt_tokens,
            max_output_tokens: needs.max_output_tokens,
            expected_output_tokens,
            needs: Needs::from(needs),
            session: None,
            candidates,
            attempts: parts::attempts(context),
            chosen: context.served_by().map(|deployment| deployment.backend_name().to_owned()),
            usage: tokens.map(recorded),
            cost_nano_usd: tokens.and_then(|tokens| self.cost(tokens, needs)),
            first_token_s: first_token.map(|first| first.as_secs_f64()),
            per_token_s: first_token.zip(tokens).and_then(|(first, tokens)| self.per_token(first, tokens)),
            total_s: self.total.as_secs_f64(),
            status: self.status.unwrap_or(500),
            outcome: self.outcome(),
            error: self.reason.or_else(|| context.reason()).map(ToOwned::to_owned),
        })
    }

    fn outcome(&self) -> decision::Outcome {
        let failed = self.status.is_none_or(|status| !(200..300).contains(&status));
        match self.outcome {
            Outcome::Completed if failed => decision::Outcome::Failed,
            Outcome::Completed => decision::Outcome::Completed,
            Outcome::Interrupted => decision::Outcome::Interrupted,
            Outcome::ClientClosed => decision::Outcome::ClientClosed,
            Outcome::Panicked => decision::Outcome::Failed,
        }
    }

    /// What the tokens and the time cost where the answer came from.
    fn cost(&self, tokens: TokenCount, needs: tradewind_policies::Needs) -> Option<u64> {
        let (context, snapshot) = (&self.context, self.context.snapshot());
        let (chosen, asked) = context.served_by().zip(context.asked())?;
        let request = tradewind_policies::Request {
            caller: context.caller()?,
            asked: &asked.model,
            operation: asked.operation,
            needs,
            session: None,
        };
        let eligible = snapshot.policy.eligible(&request).ok()?;
        let is_chosen = |target: &&Target| snapshot.deployment(target).is_some_and(|served| Arc::ptr_eq(served, chosen));
        let target = eligible.targets().find(is_chosen)?;
        let used = Consumption { usage: tokens.usage, took: self.total, ..Consumption::default() };
        Some(target.price.as_ref()?.of(used).0)
    }

    fn per_token(&self, first: Duration, tokens: TokenCount) -> Option<f64> {
        let further = tokens.usage.completion_tokens.checked_sub(1).filter(|further| *further > 0)?;
        Some(self.total.saturating_sub(first).as_secs_f64() / further as f64)
    }
}

const fn recorded(tokens: TokenCount) -> Tokens {
    let TokenCount { usage, is_estimate: estimated } = tokens;
    Tokens {
        prompt_tokens: usage.prompt_tokens,
        completion_tokens: usage.completion_tokens,
        cached_tokens: usage.cached_tokens,
        cache_write_tokens: usage.cache_write_tokens,
        reasoning_tokens: usage.reasoning_tokens,
        estimated,
    }
}
