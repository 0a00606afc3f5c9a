//! The operators' listener: is it alive, is it ready, what has it counted, how are its backends and its local models, which policy is
//! in force.
//!
//! Plain HTTP on loopback unless an operator says otherwise; it takes no credential and tells no secret.

mod backends;
mod canaries;
mod decisions;
mod drains;

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, ORIGIN},
};
use http_body::Body;
use http_body_util::Full;
use metrics_exporter_prometheus::PrometheusHandle;
use tower::Service;

pub use self::decisions::Journal;
use crate::{
    audit::Audit,
    backend::{LocalEngines, Wish},
    in_force::Board,
    server::Shutdown,
    shadow::Shadows,
    snapshot::Snapshot,
};

const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";

/// What is there to look at, beside `/explain`.
pub const PAGES: [&str; 8] = ["/livez", "/readyz", "/metrics", "/backends", "/canaries", "/shadows", "/models", "/policy"];

/// Answers operators, probes and scrapers.
#[derive(Clone)]
pub struct Admin {
    metrics: PrometheusHandle,
    audit: Audit,
    engines: LocalEngines,
    snapshot: Arc<ArcSwap<Snapshot>>,
    board: Arc<Board>,
    journal: Journal,
    shadows: Shadows,
    shutdown: Shutdown,
}

/// What is asked of one backend, one canary or one local model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Drain,
    Undrain,
    Abort,
    Resume,
    Model(Wish),
}

impl Admin {
    /// Renders `metrics`; ready once the local models have come in or failed to, for as long as requests can be recorded and no
    /// shutdown has begun. Tells of the backends in `snapshot`, takes them out of service, tells what is on the `board`, how the
    /// `shadows` fare, and explains the decisions in `journal`.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "each is a part of the gateway that operators ask about")]
    pub const fn new(
        metrics: PrometheusHandle,
        audit: Audit,
        engines: LocalEngines,
        snapshot: Arc<ArcSwap<Snapshot>>,
        board: Arc<Board>,
        journal: Journal,
        shadows: Shadows,
        shutdown: Shutdown,
    ) -> Self {
        Self { metrics, audit, engines, snapshot, board, journal, shadows, shutdown }
    }

    fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let order = order(path);
        let allowed = if order.is_some() { "POST" } else { "GET, HEAD" };
        if allowed.split(", ").all(|name| name != method.as_str()) {
            return wrong_method(allowed);
        }
        if let Some((name, order)) = order {
            return self.obey(name, order, headers);
        }
        match path {
            // That this is answered is the answer.
            "/livez" => text(StatusCode::OK, "alive\n"),
            "/readyz" => self.readiness(),
            "/metrics" => {
                self.engines.measure();
                let snapshot = self.snapshot.load();
                let drains = drains::metrics(&snapshot, snapshot.now().into());
                let text = self.metrics.render() + &canaries::metrics(&snapshot) + &drains + &self.board.metrics();
                response(StatusCode::OK, PROMETHEUS, text)
            }
            "/backends" => json(backends::list(&self.snapshot.load(), None)),
            "/canaries" => json(canaries::list(&self.snapshot.load(), None)),
            "/models" => self.models(None),
            "/shadows" => json(self.shadows.report(&self.snapshot.load().policy)),
            "/policy" => json(serde_json::to_string_pretty(&self.board.report()).map(|text| text + "\n")),
            _ => {
                let pages = PAGES.join(", ");
                let served = format!(
                    "served are {pages} and /explain/REQUEST-ID, and POST to /backends/NAME/drain, /backends/NAME/undrain, \
                     /canaries/ROUTE/abort, /canaries/ROUTE/resume, /models/ID/load, /models/ID/unload and /explain\n"
                );
                text(StatusCode::NOT_FOUND, served)
            }
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

    fn obey(&self, name: &str, order: Order, headers: &HeaderMap) -> Response<Full<Bytes>> {
        // This listener asks nobody who they are, so a page in an operator's browser must not be able to speak for them. Browsers always
        // say where a page that sends a POST is from; operators' tools never do.
        if headers.contains_key(ORIGIN) {
            return text(StatusCode::FORBIDDEN, "pages in a browser give no orders here\n");
        }
        match order {
            Order::Model(wish) => self.order(name, wish),
            Order::Abort | Order::Resume => self.order_canary(name, order),
            Order::Drain | Order::Undrain => self.order_backend(name, order),
        }
    }

    fn order_backend(&self, name: &str, order: Order) -> Response<Full<Bytes>> {
        let snapshot = self.snapshot.load();
        let Some(backend) = snapshot.backends().find(|backend| backend.spec().name.as_str() == name) else {
            return text(StatusCode::NOT_FOUND, "the policy in force has no backend of this name; GET /backends lists them\n");
        };
        if order == Order::Drain {
            backend.switch().turn_off();
        } else {
            backend.switch().turn_on();
        }
        tracing::info!(backend = name, ?order, "an operator took a backend out of service, or back");
        json(backends::list(&snapshot, Some(name)))
    }

    fn order_canary(&self, route: &str, order: Order) -> Response<Full<Bytes>> {
        let snapshot = self.snapshot.load();
        let Some(canary) = snapshot.canaries().find(|canary| canary.route().as_str() == route) else {
            return text(
                StatusCode::NOT_FOUND,
                "the policy in force has no route of this name with a canary; GET /canaries lists them\n",
            );
        };
        if order == Order::Abort {
            canary.abort();
        } else {
            canary.resume();
        }
        json(canaries::list(&snapshot, Some(route)))
    }

    /// What is ordered of a model is begun, and takes its time; the answer tells how far it is.
    fn order(&self, model: &str, wish: Wish) -> Response<Full<Bytes>> {
        if !self.engines.order(model, wish) {
            return text(
                StatusCode::NOT_FOUND,
                format!("there is no local model of this id; known are: {}\n", self.engines.registry().ids()),
            );
        }
        tracing::info!(model, ?wish, "an operator ordered a local model to be loaded or unloaded");
        self.models(Some(model))
    }

    fn models(&self, only: Option<&str>) -> Response<Full<Bytes>> {
        let mut reports = self.engines.reports();
        reports.retain(|report| only.is_none_or(|model| report.model == model));
        json(serde_json::to_string_pretty(&reports).map(|text| text + "\n"))
    }
}

/// What a path orders, and of whom.
fn order(path: &str) -> Option<(&str, Order)> {
    if let Some((model, order)) = path.strip_prefix("/models/").and_then(|rest| rest.rsplit_once('/')) {
        return match order {
            "load" => Some((model, Order::Model(Wish::Loaded))),
            "unload" => Some((model, Order::Model(Wish::Unloaded))),
            _ => None,
        };
    }
    if let Some((route, order)) = path.strip_prefix("/canaries/").and_then(|rest| rest.rsplit_once('/')) {
        return match order {
            "abort" => Some((route, Order::Abort)),
            "resume" => Some((route, Order::Resume)),
            _ => None,
        };
    }
    match path.strip_prefix("/backends/")?.rsplit_once('/')? {
        (name, "drain") => Some((name, Order::Drain)),
        (name, "undrain") => Some((name, Order::Undrain)),
        _ => None,
    }
}

fn json(list: serde_json::Result<String>) -> Response<Full<Bytes>> {
    match list {
        Ok(list) => response(StatusCode::OK, JSON, list),
        Err(error) => {
            tracing::error!(%error, "a list for an operator cannot be written");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the list cannot be written; the log says why\n")
        }
    }
}

fn wrong_method(allowed: &'static str) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, format!("this path takes {allowed} only\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    response(status, TEXT, body)
}

fn response(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

impl<B> Service<Request<B>> for Admin
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let this = self.clone();
        async move {
            let (head, body) = request.into_parts();
            Ok(match decisions::question(&head) {
                Some(question) => decisions::answer(question, &head, body, &this.journal, &this.snapshot).await,
                None => this.answer(&head.method, head.uri.path(), &head.headers),
            })
        }
        .boxed()
    }
}
