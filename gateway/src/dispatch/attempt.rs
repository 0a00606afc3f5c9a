//! One attempt: from a deployment that was chosen to a response, or to what went wrong.

use std::{sync::Arc, time::Duration};

use tower::ServiceExt;
use tradewind_policies::{
    select::{Outcome, Remaining, Removed},
    spec::NanoUsd,
};
use tradewind_protocol::{Operation, Usage};
use tradewind_providers::{Allowance, RateLimits};

use super::{
    answered::{Answered, Lesson},
    waiting::Waiting,
};
use crate::{
    backend::Attempt,
    context::RequestContext,
    inference::{Answer, Blame, Content, Failure, Inference, Whole},
    route::{Chosen, Deployment, Planned, Run},
};

/// The bytes of a token of an answer whose tokens nobody counted, about.
const BYTES_PER_TOKEN: u64 = 4;

/// An attempt that has come to its answer, or to nothing.
#[derive(Debug)]
pub(super) struct Ended {
    /// Where it was made.
    pub(super) planned: Planned,
    /// Whether it was made beside another.
    pub(super) is_hedge: bool,
    /// Whether it was made for want of anything better, on a backend that was thought broken.
    pub(super) was_desperate: bool,
    /// What came of it.
    pub(super) outcome: Result<Answer, Failure>,
}

/// Makes an attempt. `patience` is how long the first token of a stream may take, where that is less than the policy grants.
pub(super) async fn attempt(
    inference: Inference,
    chosen: Chosen,
    lesson: Arc<Lesson>,
    patience: Option<Duration>,
    is_hedge: bool,
) -> Ended {
    let Chosen { planned, choice, run, .. } = chosen;
    let was_desperate = matches!(choice.despite, Some(Removed::BreakerOpen { .. } | Removed::Unhealthy));
    let outcome = attempt_at(&inference, &planned, run, lesson, patience, is_hedge).await;
    Ended { planned, is_hedge, was_desperate, outcome }
}

/// The same, at a deployment where it has begun.
pub(super) async fn attempt_at(
    inference: &Inference,
    planned: &Planned,
    run: Run,
    lesson: Arc<Lesson>,
    patience: Option<Duration>,
    is_hedge: bool,
) -> Result<Answer, Failure> {
    let mut waiting = Waiting::on_behalf_of(inference, planned, is_hedge);
    let outcome = run_to_answer(inference, planned, run, lesson, patience, &mut waiting).await;
    if let Err(failure) = &outcome {
        waiting.failed(failure);
    }
    outcome
}

async fn run_to_answer(
    inference: &Inference,
    planned: &Planned,
    mut run: Run,
    lesson: Arc<Lesson>,
    patience: Option<Duration>,
    waiting: &mut Waiting<'_>,
) -> Result<Answer, Failure> {
    let context = &inference.context;
    let deployment = &planned.deployment;
    let mut timeouts = planned.timeouts;
    if let Some(patience) = patience {
        timeouts.first_token = timeouts.first_token.min(patience);
    }
    let (model, capabilities) = (deployment.model().clone(), deployment.capabilities());
    let attempt = Attempt { inference: inference.clone(), model, capabilities, timeouts };
    let answer = match deployment.service().oneshot(attempt).await {
        Ok(answer) => answer,
        Err(failure) => {
            run.ended(outcome_of(failure.blame));
            log(deployment.backend_name(), &failure, run.elapsed());
            return Err(failure);
        }
    };
    context.set_served_by(Arc::clone(deployment));
    let mut meter = waiting.answered();
    report_limits(&run, &answer.limits);
    let content = match answer.content {
        Content::Whole(whole) => {
            let output_tokens = output_tokens(inference, &whole);
            let estimate = Usage::new(planned.prompt_tokens(), output_tokens);
            if whole.usage.is_none() {
                context.add_estimate(estimate);
            }
            if let Some(meter) = &mut meter {
                meter.received(whole.body.len());
                pay(context, deployment, meter.end(whole.usage.unwrap_or(estimate)));
            }
            run.ended(Outcome::Success { output_tokens: lesson.of_each(output_tokens) });
            lesson.learn(deployment, whole.usage);
            Content::Whole(whole)
        }
        Content::Events(events) => {
            run.first_token();
            Content::Events(Box::pin(Answered::new(events, run, Arc::clone(context), lesson, planned.prompt_tokens(), meter)))
        }
    };
    Ok(Answer { content, ..answer })
}

/// An answer is to be paid for, if anybody knows how much. What a copy costs is counted apart.
pub(super) fn pay(context: &RequestContext, deployment: &Deployment, cost: Option<NanoUsd>) {
    if let Some(cost) = cost {
        if !context.is_copy() {
            deployment.metrics().paid(cost.0);
        }
        context.add_cost(cost);
    }
}

/// What a failure says of the backend.
const fn outcome_of(blame: Blame) -> Outcome {
    match blame {
        // It was not asked, so it has not shown that it is well.
        Blame::Unsuited | Blame::Invalid => Outcome::Cancelled,
        Blame::Request | Blame::ContextLength => Outcome::ClientFault,
        Blame::RateLimited(retry_after) => Outcome::RateLimited { retry_after },
        Blame::Backend(retry_after) => Outcome::Failure { retry_after },
        Blame::Misconfigured => Outcome::Misconfigured,
    }
}

/// How many tokens a whole answer has; where nobody counted, about as many as its bytes say.
fn output_tokens(inference: &Inference, whole: &Whole) -> u64 {
    match (inference.operation, whole.usage) {
        (Operation::Embeddings | Operation::Rerank | Operation::Infer, _) => 0,
        (Operation::Chat | Operation::Completions, Some(usage)) => usage.completion_tokens,
        (Operation::Chat | Operation::Completions, None) => whole.body.len() as u64 / BYTES_PER_TOKEN,
    }
}

fn report_limits(run: &Run, limits: &RateLimits) {
    let remaining = |allowance: Option<Allowance>| {
        let Allowance { limit, remaining, reset } = allowance?;
        Some(Remaining { left: remaining? as f64, limit: limit.map(|limit| limit as f64), resets_in: reset? })
    };
    run.remaining(remaining(limits.requests), remaining(limits.tokens));
}

/// What a backend did wrong is its operator's affair; what a request asked for in vain is not.
fn log(backend: &str, failure: &Failure, elapsed: Duration) {
    let detail = failure.detail.as_str();
    match failure.blame {
        Blame::Backend(_) | Blame::RateLimited(_) | Blame::Misconfigured => {
            tracing::warn!(backend, detail, ?elapsed, "an attempt failed");
        }
        Blame::Unsuited | Blame::Invalid | Blame::Request | Blame::ContextLength => {
            tracing::debug!(backend, detail, ?elapsed, "a backend cannot serve the request");
        }
    }
}
