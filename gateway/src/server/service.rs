//! The seam between hyper, which calls by `&self`, and the `tower` service of a connection.
//!
//! Here a request begins and ends for the watchdog, and here HTTP/2 gets the limit on the number of header fields that
//! hyper enforces for HTTP/1 only.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower::ServiceExt as _;
use tower::util::Oneshot;

use super::ConnectionService;
use super::watchdog::{Activity, InProgress};

/// One connection's service, as hyper calls it.
#[derive(Clone, Debug)]
pub(super) struct Served<S> {
    inner: S,
    activity: Arc<Activity>,
    max_headers: usize,
}

impl<S> Served<S> {
    pub(super) fn new(inner: S, activity: Arc<Activity>, max_headers: usize) -> Self {
        Self { inner, activity, max_headers }
    }
}

impl<S: ConnectionService> hyper::service::Service<Request<Incoming>> for Served<S> {
    type Response = Response<ServedBody<S::Body>>;
    type Error = Infallible;
    type Future = ServedFuture<S>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let in_progress = Some(self.activity.request());
        if request.headers().len() > self.max_headers {
            return ServedFuture { answer: None, in_progress };
        }
        ServedFuture { answer: Some(self.inner.clone().oneshot(request)), in_progress }
    }
}

pin_project! {
    /// The inner service's answer, or 431 where there is none.
    pub(super) struct ServedFuture<S: ConnectionService> {
        #[pin]
        answer: Option<Oneshot<S, Request<Incoming>>>,
        in_progress: Option<InProgress>,
    }
}

impl<S: ConnectionService> Future for ServedFuture<S> {
    type Output = Result<Response<ServedBody<S::Body>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = match this.answer.as_pin_mut() {
            Some(answer) => ready!(answer.poll(cx))?.map(Some),
            None => {
                let mut refusal = Response::new(None);
                *refusal.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                refusal
            }
        };
        let in_progress = this.in_progress.take();
        Poll::Ready(Ok(response.map(|body| ServedBody { body, in_progress })))
    }
}

pin_project! {
    /// The inner service's body (empty where it was not asked), which carries the request's place in the count.
    pub(super) struct ServedBody<B> {
        #[pin]
        body: Option<B>,
        in_progress: Option<InProgress>,
    }
}

impl<B: Body> Body for ServedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match self.project().body.as_pin_mut() {
            Some(body) => body.poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
