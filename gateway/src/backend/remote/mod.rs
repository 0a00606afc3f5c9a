//! Layers 19 to 21 for a backend on the network: an adapter says what to send, a credential is added last, the answer is read.
//!
//! The adapter knows the provider and does no I/O; this drives it. Of the client's headers none is passed on, least of all its credential.

mod outcome;
mod passed_events;
mod translated_events;
mod whole;

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::SystemTime,
};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, future::BoxFuture, stream};
use http::{HeaderMap, HeaderValue, Request, Response, header::USER_AGENT};
use http_body_util::Full;
use hyper::body::Incoming;
use tower::Service;
use tradewind_providers::{Adapter, Ask, Exchange, RateLimits, Reader, rate_limits};

use self::{outcome::Refused, passed_events::PassedEvents, translated_events::TranslatedEvents};
use super::Attempt;
use crate::{
    client::{AGENT, HostOverride, HttpClient, with_causes},
    context::DEADLINE,
    credential::{Authorizer, Shown},
    error::Kind,
    inference::{Answer, Failure},
};

/// How many requests of one attempt run at once, where a provider takes its inputs one by one.
const AT_ONCE: usize = 8;

/// A backend on the network.
#[derive(Clone)]
pub struct Remote {
    server: Arc<Server>,
}

struct Server {
    adapter: Arc<dyn Adapter>,
    authorizer: Arc<Authorizer>,
    client: HttpClient,
    way: Way,
    owner: Owner,
}

/// What is put on every request on its way.
#[derive(Debug, Clone, Default)]
pub struct Way {
    /// The name to ask for, in place of the address.
    pub host: Option<HostOverride>,
    /// What the operator wants said besides.
    pub headers: HeaderMap,
}

/// Whose server a backend is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The operator's own. It is told how long its answer is waited for, so that it need not begin what cannot be done in time.
    Operator,
    /// Somebody else's, whom that does not concern.
    Vendor,
}

impl Remote {
    /// The backend of `owner` that `adapter` describes, reached by `client` with what the `way` and the `authorizer` add.
    #[must_use]
    pub fn new(owner: Owner, adapter: Arc<dyn Adapter>, authorizer: Arc<Authorizer>, client: HttpClient, way: Way) -> Self {
        Self { server: Arc::new(Server { adapter, authorizer, client, way, owner }) }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("adapter", &self.server.adapter).finish_non_exhaustive()
    }
}

impl Service<Attempt> for Remote {
    type Response = Answer;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Answer, Failure>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, attempt: Attempt) -> Self::Future {
        let server = Arc::clone(&self.server);
        Box::pin(async move { server.attempt(&attempt).await })
    }
}

impl Server {
    async fn attempt(&self, attempt: &Attempt) -> Result<Answer, Failure> {
        let refused = match self.once(attempt).await {
            Ok(answer) => return Ok(answer),
            Err(refused) => refused,
        };
        // A credential that expired on the way is replaced, and the attempt made again: the backend is not to blame.
        if let Some(shown) = refused.unaccepted
            && self.has_another_credential(shown).await
        {
            return self.once(attempt).await.map_err(Refused::into_failure);
        }
        Err(refused.into_failure())
    }

    async fn has_another_credential(&self, unaccepted: Shown) -> bool {
        self.authorizer.renew(unaccepted).await.unwrap_or_else(|error| {
            tracing::warn!(error = with_causes(&error), "a credential was not accepted, and there is no other");
            false
        })
    }

    async fn once(&self, attempt: &Attempt) -> Result<Answer, Refused> {
        let inference = &attempt.inference;
        let ask = Ask {
            operation: inference.operation,
            model: attempt.model.as_str(),
            capabilities: &attempt.capabilities,
            payload: &inference.payload,
        };
        let Exchange { mut requests, reader, dropped } = self.adapter.prepare(&ask).map_err(outcome::unprepared)?;
        if self.owner == Owner::Operator {
            tell_deadline(&mut requests, attempt);
        }
        let streamed = inference.head().stream && inference.operation.can_stream();
        let answer = match (reader, streamed) {
            (Reader::Passthrough, false) => {
                let response = self.only(requests).await.map_err(Refused::passed_on)?;
                let limits = limits(&response);
                Answer::whole(whole::passed(response, inference).await?).within(limits)
            }
            (Reader::Passthrough, true) => {
                let response = self.only(requests).await.map_err(Refused::passed_on)?;
                let limits = limits(&response);
                let events = PassedEvents::open(response, attempt).await?;
                Answer::events(Box::pin(events)).within(limits)
            }
            (Reader::Translated(mut translate), false) => {
                let replies = self.all(requests).await?;
                Answer::whole(whole::translated(&mut *translate, &replies, attempt)?)
            }
            (Reader::Translated(mut translate), true) => {
                let response = self.only(requests).await?;
                let limits = limits(&response);
                Answer::events(Box::pin(TranslatedEvents::open(response, &mut *translate, attempt).await?)).within(limits)
            }
        };
        Ok(answer.without(dropped))
    }

    /// Sends the one request of an attempt.
    async fn only(&self, requests: Vec<Request<Bytes>>) -> Result<Response<Incoming>, Refused> {
        let mut requests = requests.into_iter();
        match (requests.next(), requests.next()) {
            (Some(request), None) => self.send(request).await,
            _ => Err(Failure::backend(Kind::Internal, "the adapter did not make exactly one request").into()),
        }
    }

    /// Sends all requests of an attempt and collects their answers in order; the first failure ends it.
    async fn all(&self, requests: Vec<Request<Bytes>>) -> Result<Vec<tradewind_providers::Reply>, Refused> {
        let exchanges = requests.into_iter().map(|request| async move { Ok(whole::reply(self.send(request).await?).await?) });
        stream::iter(exchanges).buffered(AT_ONCE).try_collect().await
    }

    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Incoming>, Refused> {
        request.headers_mut().insert(USER_AGENT, AGENT);
        for (name, value) in &self.way.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        if let Some(host) = &self.way.host {
            *request.uri_mut() = host.apply(request.uri().clone());
        }
        let shown = self.authorizer.authorize(&mut request).await.map_err(|error| outcome::unauthorized(&error))?;
        let response = self.client.request(request.map(Full::new)).await;
        let response = response.map_err(|error| Failure::backend(Kind::UpstreamFailed, with_causes(&error)))?;
        if response.status().is_success() { Ok(response) } else { Err(outcome::refused(&*self.adapter, response, shown).await) }
    }
}

/// Tells how long the answer is waited for.
fn tell_deadline(requests: &mut [Request<Bytes>], attempt: &Attempt) {
    let remaining = attempt.inference.context.remaining().min(attempt.timeouts.total);
    let milliseconds = HeaderValue::from(u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX));
    for request in requests {
        request.headers_mut().insert(DEADLINE, milliseconds.clone());
    }
}

/// What the provider told of its rate limits.
fn limits(response: &Response<Incoming>) -> RateLimits {
    rate_limits(response.headers(), SystemTime::now())
}
