//! Layer 16: the attempts, one after the other, until one answers. Only before the first byte to the client.

mod answered;
mod waiting;

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{
    HeaderName, HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use tower::{Service, ServiceExt};
use tradewind_policies::select::Outcome;
use tradewind_protocol::chat::Dropped;

use self::{answered::Answered, waiting::Waiting};
use crate::{
    backend::Attempt,
    body::Body,
    error::{Error, Kind},
    inference::{Blame, Content, Failure, Inference, Whole},
    route::{Planned, Routed, Run},
};

/// The reason in the audit record where a backend's own refusal was passed on.
const REFUSED: &str = "refused_by_upstream";
/// Names the fields of the request that the backend could not honour.
const DROPPED_PARAMS: HeaderName = HeaderName::from_static("x-tradewind-dropped-params");

/// Makes the planned attempts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dispatch;

impl Service<Routed> for Dispatch {
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, routed: Routed) -> Self::Future {
        Box::pin(dispatch(routed))
    }
}

async fn dispatch(routed: Routed) -> Result<Response<Body>, Error> {
    let Routed { inference, plan, max_attempts } = routed;
    let mut verdict = Verdict::default();
    // The room that was not enough, and the refusal that said so.
    let mut too_long: Option<(u64, &Planned, Failure)> = None;
    for planned in &plan {
        if inference.context.attempts() >= max_attempts {
            break;
        }
        let room = planned.deployment.capabilities().context;
        if too_long.as_ref().is_some_and(|(tried, ..)| room.is_none_or(|room| room <= *tried)) {
            continue;
        }
        // Another request may have taken the last probe, or met a rate limit, since the plan was made.
        let Ok(run) = planned.deployment.start() else { continue };
        match attempt(&inference, planned, run).await {
            Ok(response) => return Ok(response),
            Err(failure) if failure.blame == Blame::Request => return refuse(&inference, planned, failure),
            Err(failure) if failure.blame == Blame::ContextLength => match room {
                Some(room) => too_long = Some((room, planned, failure)),
                None => return refuse(&inference, planned, failure),
            },
            Err(failure) => verdict.add(failure),
        }
    }
    match too_long {
        Some((_, planned, failure)) => refuse(&inference, planned, failure),
        None => Err(verdict.into_error()),
    }
}

/// Tells the caller what is wrong with the request: in the backend's own words, if those are in the caller's dialect.
fn refuse(inference: &Inference, planned: &Planned, failure: Failure) -> Result<Response<Body>, Error> {
    inference.context.set_served_by(Arc::clone(&planned.deployment));
    match failure.original {
        Some(original) => {
            inference.context.set_reason(REFUSED);
            Ok(respond_whole(inference, *original))
        }
        None => Err(failure.error),
    }
}

async fn attempt(inference: &Inference, planned: &Planned, mut run: Run) -> Result<Response<Body>, Failure> {
    let context = &inference.context;
    let deployment = &planned.deployment;
    let attempt = Attempt {
        inference: inference.clone(),
        model: deployment.model().clone(),
        capabilities: deployment.capabilities(),
        timeouts: planned.timeouts,
    };
    let waiting = Waiting::on_behalf_of(context);
    let answer = deployment.service().oneshot(attempt).await;
    match &answer {
        Err(failure) if failure.blame == Blame::Unsuited => waiting.did_not_happen(),
        _ => drop(waiting),
    }
    match answer {
        Ok(answer) => {
            context.set_served_by(Arc::clone(deployment));
            run.answered();
            let mut response = match answer.content {
                Content::Whole(whole) => respond_whole(inference, whole),
                Content::Events(events) => respond_events(Body::events(Box::pin(Answered::new(events, run)))),
            };
            tell_dropped(&mut response, &answer.dropped);
            Ok(response)
        }
        Err(failure) => {
            let elapsed = run.elapsed();
            match failure.blame {
                Blame::Unsuited | Blame::Request | Blame::ContextLength => run.ended(Outcome::ClientFault),
                Blame::RateLimited(retry_after) => run.ended(Outcome::RateLimited { retry_after }),
                Blame::Backend => run.ended(Outcome::Failure),
            }
            log(deployment.backend_name(), &failure, elapsed);
            Err(failure)
        }
    }
}

/// What a backend did wrong is its operator's affair; what a request asked for in vain is not.
fn log(backend: &str, failure: &Failure, elapsed: Duration) {
    let detail = failure.detail.as_str();
    match failure.blame {
        Blame::Backend | Blame::RateLimited(_) => tracing::warn!(backend, detail, ?elapsed, "an attempt failed"),
        Blame::Unsuited | Blame::Request | Blame::ContextLength => {
            tracing::debug!(backend, detail, ?elapsed, "a backend cannot serve the request")
        }
    }
}

fn respond_whole(inference: &Inference, whole: Whole) -> Response<Body> {
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

/// What to tell the caller when no attempt answered: the last real failure; a rate limit only where there was nothing else, with the
/// earliest time to come back; and that the request asks for too much only where every backend said so.
#[derive(Debug, Default)]
struct Verdict {
    failed: Option<Error>,
    limited: Option<Error>,
    unsuited: Option<Error>,
}

impl Verdict {
    fn add(&mut self, failure: Failure) {
        let Failure { blame, error, .. } = failure;
        match blame {
            Blame::Unsuited => self.unsuited = Some(error),
            Blame::Backend | Blame::Request | Blame::ContextLength => self.failed = Some(error),
            Blame::RateLimited(_) => {
                let earlier = self.limited.as_ref().and_then(Error::retry_after);
                if earlier.is_none_or(|earlier| error.retry_after().is_some_and(|after| after < earlier)) {
                    self.limited = Some(error);
                }
            }
        }
    }

    fn into_error(self) -> Error {
        self.failed
            .or(self.limited)
            .or(self.unsuited)
            .unwrap_or_else(|| Error::new(Kind::NoHealthyUpstream, "No healthy upstream for this model."))
    }
}
