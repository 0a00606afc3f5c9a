//! One execution, driven by whoever waits for it.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use http::Response;
use tower::{Service, ServiceExt};
use tracing::Instrument;

use super::{
    ledger::{Fate, Registration},
    recording::{Reader, Recording},
    whole::{Head, Whole},
};
use crate::{
    body::Body,
    context::RequestContext,
    error::{Error, Kind},
    inference::Inference,
};

/// A request that is being executed. Everybody who waits for it holds it; when nobody does, it is cancelled.
pub(super) struct Execution {
    first: Arc<RequestContext>,
    opening: Shared<BoxFuture<'static, Opening>>,
}

/// How an execution begins to answer, for each who waits.
#[derive(Clone)]
enum Opening {
    Failed(Error),
    Whole(Arc<Whole>),
    Events(Head, Arc<Recording>),
}

impl Execution {
    /// What `service` will do with the request, once somebody waits for it.
    pub(super) fn new<S>(service: S, inference: Inference, registration: Registration) -> Self
    where
        S: Service<Inference, Response = Response<Body>, Error = Error> + Send + 'static,
        S::Future: Send,
    {
        let first = Arc::clone(&inference.context);
        // A bug ends it for all who wait: those who did not drive it just then would wait for ever.
        let opening = AssertUnwindSafe(open(service, inference, registration)).catch_unwind();
        let opening = opening.map(|opening| opening.unwrap_or_else(|_| Opening::Failed(internal())));
        Self { first, opening: opening.in_current_span().boxed().shared() }
    }

    /// The request that started it.
    pub(super) fn first(&self) -> &RequestContext {
        &self.first
    }

    /// The answer to one of those who wait.
    ///
    /// # Errors
    /// The execution failed, or the beginning of its stream is gone.
    pub(super) async fn answer(self: &Arc<Self>) -> Result<Response<Body>, Error> {
        match self.opening.clone().await {
            Opening::Failed(error) => Err(error),
            Opening::Whole(whole) => Ok(whole.respond()),
            Opening::Events(head, recording) if recording.is_complete() => {
                let reader = Reader::new(recording, Arc::clone(self));
                Ok(head.respond(Body::events(Box::pin(reader))))
            }
            Opening::Events(..) => Err(in_use()),
        }
    }
}

async fn open<S>(service: S, inference: Inference, registration: Registration) -> Opening
where
    S: Service<Inference, Response = Response<Body>, Error = Error>,
{
    let response = match service.oneshot(inference).await {
        Ok(response) => response,
        Err(error) => {
            registration.end(Fate::Failed);
            return Opening::Failed(error);
        }
    };
    let (head, body) = response.into_parts();
    let head = Head::from(head);
    match body.into_whole() {
        Ok(body) => {
            let first = registration.first();
            Opening::Whole(settle(registration, Whole { head, body, first }))
        }
        Err(body) => Opening::Events(head.clone(), Recording::new(head, body, registration)),
    }
}

/// Keeps what is to be kept.
fn settle(registration: Registration, mut whole: Whole) -> Arc<Whole> {
    let fate = if !whole.head.is_success() {
        Fate::Failed
    } else if whole.body.len() > registration.largest() {
        whole.head.tell_not_stored();
        Fate::TooLarge
    } else {
        let whole = Arc::new(whole);
        registration.keep(Arc::clone(&whole));
        return whole;
    };
    registration.end(fate);
    Arc::new(whole)
}

fn internal() -> Error {
    Error::new(Kind::Internal, "Internal error.")
}

/// The answer is under way, and too much of it has passed.
fn in_use() -> Error {
    let message =
        "A request with this `Idempotency-Key` is under way, and its answer is too large to be shared; retry when it has ended.";
    Error::new(Kind::IdempotencyKeyInUse, message).with_param("Idempotency-Key")
}
