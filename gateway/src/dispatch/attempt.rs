//! One attempt: from a deployment that was chosen to a response, or to what went wrong.

use std::{sync::Arc, time::Duration};

use http::{
    HeaderName, HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use tower::ServiceExt;
use tradewind_policies::select::{Outcome, Remaining, Removed};
use tradewind_protocol::{Operation, chat::Dropped};
use tradewind_providers::{Allowance, RateLimits};

use super::{
    answered::{Answered, Lesson},
    waiting::Waiting,
};
use crate::{
    backend::Attempt,
    body::Body,
    inference::{Blame, Content, Failure, Inference, Whole},
    route::{Chosen, Planned, Run},
};

/// Names the fields of the request that the backend could not honour.
const DROPPED_PARAMS: HeaderName = HeaderName::from_static("x-tradewind-dropped-params");
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
    pub(super) outcome: Result<Response<Body>, Failure>,
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
    let outcome = run_to_answer(&inference, &planned, run, lesson, patience).await;
    Ended { planned, is_hedge, was_desperate, outcome }
}

async fn run_to_answer(
    inference: &Inference,
    planned: &Planned,
    mut run: Run,
    lesson: Arc<Lesson>,
    patience: Option<Duration>,
) -> Result<Response<Body>, Failure> {
    let context = &inference.context;
    let deployment = &planned.deployment;
    let mut timeouts = planned.timeouts;
    if let Some(patience) = patience {
        timeouts.first_token = timeouts.first_token.min(patience);
    }
    let (model, capabilities) = (deployment.model().clone(), deployment.capabilities());
    let attempt = Attempt { inference: inference.clone(), model, capabilities, timeouts };
    let waiting = Waiting::on_behalf_of(context);
    let answer = deployment.service().oneshot(attempt).await;
    match &answer {
        Err(failure) if failure.blame == Blame::Unsuited => waiting.did_not_happen(),
        _ => drop(waiting),
    }
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => {
            run.ended(outcome_of(failure.blame));
            log(deployment.backend_name(), &failure, run.elapsed());
            return Err(failure);
        }
    };
    context.set_served_by(Arc::clone(deployment));
    report_limits(&run, &answer.limits);
    let mut response = match answer.content {
        Content::Whole(whole) => {
            run.ended(Outcome::Success { output_tokens: output_tokens(inference, &whole) });
            lesson.learn(deployment, whole.usage);
            respond_whole(inference, whole)
        }
        Content::Events(events) => {
            run.first_token();
            respond_events(Body::events(Box::pin(Answered::new(events, run, Arc::clone(context), lesson))))
        }
    };
    tell_dropped(&mut response, &answer.dropped);
    Ok(response)
}

/// What a failure says of the backend.
const fn outcome_of(blame: Blame) -> Outcome {
    match blame {
        // It was not asked, so it has not shown that it is well.
        Blame::Unsuited => Outcome::Cancelled,
        Blame::Request | Blame::ContextLength => Outcome::ClientFault,
        Blame::RateLimited(retry_after) => Outcome::RateLimited { retry_after },
        Blame::Backend(retry_after) => Outcome::Failure { retry_after },
        Blame::Misconfigured => Outcome::Misconfigured,
    }
}

/// How many tokens a whole answer has; where nobody counted, about as many as its bytes say.
fn output_tokens(inference: &Inference, whole: &Whole) -> u64 {
    match (inference.operation, whole.usage) {
        (Operation::Embeddings | Operation::Rerank, _) => 0,
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
        Blame::Unsuited | Blame::Request | Blame::ContextLength => {
            tracing::debug!(backend, detail, ?elapsed, "a backend cannot serve the request");
        }
    }
}

/// A whole answer as a response.
pub(super) fn respond_whole(inference: &Inference, whole: Whole) -> Response<Body> {
    if let Some(usage) = whole.usage {
        inference.context.set_usage(usage);
    }
    let mut response = Response::new(Body::full(whole.body));
    *response.status_mut() = whole.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Tells the caller, and the trace, which fields the backend did without.
fn tell_dropped(response: &mut Response<Body>, dropped: &Dropped) {
    if dropped.is_empty() {
        return;
    }
    tracing::debug!(%dropped, "fields that the backend cannot honour were left out");
    if let Ok(names) = HeaderValue::try_from(dropped.to_string()) {
        response.headers_mut().insert(DROPPED_PARAMS, names);
    }
}

fn respond_events(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
