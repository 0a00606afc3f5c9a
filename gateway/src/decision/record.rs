//! From a request that has ended to the record of its decision.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use tradewind_policies::decision::{self, Decision, Moment, Needs, Shadow, Tokens};

use super::{
    kept::{self, KeptUntilTheEnd},
    parts::{self, Words},
};
use crate::{
    closing,
    context::{Outcome, RequestContext, TokenCount},
};

/// A request that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    context: Arc<RequestContext>,
    how: closing::Ended,
    /// From its head to its end.
    total: Duration,
    kept: KeptUntilTheEnd,
}

impl Ended {
    /// One that ends now.
    pub(super) fn new(context: Arc<RequestContext>, how: closing::Ended, kept: KeptUntilTheEnd) -> Self {
        let total = context.elapsed();
        Self { context, how, total, kept }
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
        let Words { route, model, outgrown, stays, candidates } = considered.unwrap_or_default();
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
            too_small: needs.too_small,
            answers: needs.answers,
            expected_output_tokens,
            needs: Needs::from(needs),
            session: context.session().map(|session| session.to_string()),
            claims: self.kept.named.of_claims(&principal.claims),
            headers: self.kept.headers.clone(),
            token_names: kept::token_names(principal.named.as_ref(), &principal.tenant),
            arm: context.taken().and_then(|taken| taken.arm),
            outgrown,
            stays,
            candidates,
            attempts: parts::attempts(context),
            shadow: context.copied().map(|copied| Shadow { backend: copied.backend.to_string(), fate: copied.fate }),
            chosen: context.served_by().map(|deployment| deployment.backend_name().to_owned()),
            usage: tokens.map(recorded),
            cost_nano_usd: context.cost().map(|cost| cost.0),
            first_token_s: first_token.map(|first| first.as_secs_f64()),
            per_token_s: first_token.zip(tokens).and_then(|(first, tokens)| self.per_token(first, tokens, needs.answers())),
            total_s: self.total.as_secs_f64(),
            status: self.how.status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).as_u16(),
            outcome: self.outcome(),
            error: self.how.reason.or_else(|| context.reason()).map(ToOwned::to_owned),
        })
    }

    fn outcome(&self) -> decision::Outcome {
        let failed = self.how.status.is_none_or(|status| !status.is_success());
        match self.how.outcome {
            Outcome::Completed if failed => decision::Outcome::Failed,
            Outcome::Completed => decision::Outcome::Completed,
            Outcome::Interrupted => decision::Outcome::Interrupted,
            Outcome::ClientClosed => decision::Outcome::ClientClosed,
            Outcome::Panicked => decision::Outcome::Failed,
        }
    }

    /// Several answers are made at once.
    fn per_token(&self, first: Duration, tokens: TokenCount, answers: u64) -> Option<f64> {
        let further = tokens.usage.completion_tokens.checked_sub(answers).filter(|further| *further > 0)?;
        Some(self.total.saturating_sub(first).as_secs_f64() * answers as f64 / further as f64)
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
