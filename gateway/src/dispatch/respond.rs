//! An answer becomes a response.

use http::{
    HeaderName, HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use tradewind_protocol::chat::Dropped;

use crate::{
    body::{Body, EventStream},
    inference::{Inference, Whole},
};

/// Names the fields of the request that the backend could not honour.
const DROPPED_PARAMS: HeaderName = HeaderName::from_static("x-tradewind-dropped-params");

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
pub(super) fn tell_dropped(response: &mut Response<Body>, dropped: &Dropped) {
    if dropped.is_empty() {
        return;
    }
    tracing::debug!(%dropped, "fields that the backend cannot honour were left out");
    if let Ok(names) = HeaderValue::try_from(dropped.to_string()) {
        response.headers_mut().insert(DROPPED_PARAMS, names);
    }
}

/// The events of an answer as a response.
pub(super) fn respond_events(events: EventStream) -> Response<Body> {
    let mut response = Response::new(Body::events(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
