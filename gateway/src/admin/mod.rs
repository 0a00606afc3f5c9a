//! The operators' listener: is it alive, is it ready, what has it counted.
//!
//! Plain HTTP on loopback unless an operator says otherwise; it takes no credential and tells no secret.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use metrics_exporter_prometheus::PrometheusHandle;
use tower::Service;

use crate::{audit::Audit, backend::LocalEngines, server::Shutdown};

/// Answers operators, probes and scrapers.
#[derive(Clone)]
pub struct Admin {
    metrics: PrometheusHandle,
    audit: Audit,
    engines: LocalEngines,
    shutdown: Shutdown,
}

impl Admin {
    /// Renders `metrics`; ready once the local models have come in or failed to, for as long as requests can be recorded and no
    /// shutdown has begun.
    #[must_use]
    pub const fn new(metrics: PrometheusHandle, audit: Audit, engines: LocalEngines, shutdown: Shutdown) -> Self {
        Self { metrics, audit, engines, shutdown }
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "this listener takes GET only\n");
        }
        match path {
            // That this is answered is the answer.
            "/livez" => text(StatusCode::OK, "alive\n"),
            "/readyz" => self.readiness(),
            "/metrics" => {
                self.engines.measure();
                let mut response = text(StatusCode::OK, self.metrics.render());
                let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, format);
                response
            }
            _ => text(StatusCode::NOT_FOUND, "served are /livez, /readyz and /metrics\n"),
        }
    }

    fn readiness(&self) -> Response<Full<Bytes>> {
        if self.shutdown.has_begun() {
            text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n")
        } else if !self.audit.healthy() {
            text(StatusCode::SERVICE_UNAVAILABLE, "the audit log cannot be written\n")
        } else if !self.engines.are_settled() {
            text(StatusCode::SERVICE_UNAVAILABLE, "local models are still being loaded\n")
        } else {
            text(StatusCode::OK, "ready\n")
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

impl<B> Service<Request<B>> for Admin {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(request.method(), request.uri().path())))
    }
}
