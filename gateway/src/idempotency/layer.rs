//! The layer that executes once and replays.

use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, Either};
use http::Response;
use metrics::counter;
use tower::{Layer, Service};

use super::{IdempotencyKey, Ledger, asked::Asked, execution::Execution, key, ledger::Found, whole::replayed};
use crate::{
    body::Body,
    error::{Error, Kind},
    inference::Inference,
    telemetry::names,
};

/// Wraps a service in [`Idempotent`].
#[derive(Debug, Clone)]
pub struct IdempotentLayer {
    ledger: Ledger,
}

impl IdempotentLayer {
    /// Remembers in `ledger`.
    #[must_use]
    pub const fn new(ledger: Ledger) -> Self {
        Self { ledger }
    }

    /// Where it remembers.
    #[cfg(test)]
    pub(super) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

impl<S> Layer<S> for IdempotentLayer {
    type Service = Idempotent<S>;

    fn layer(&self, inner: S) -> Idempotent<S> {
        Idempotent { inner, ledger: self.ledger.clone() }
    }
}

/// Executes a request with a key once. One without a key passes as if this were not here.
#[derive(Debug, Clone)]
pub struct Idempotent<S> {
    inner: S,
    ledger: Ledger,
}

impl<S> Service<Inference> for Idempotent<S>
where
    S: Service<Inference, Response = Response<Body>, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response<Body>, Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, inference: Inference) -> Self::Future {
        match inference.context.idempotency_key().cloned() {
            None => Either::Left(self.inner.call(inference)),
            // The ready service is not used: there may be nothing to execute, or it may have to be started over.
            Some(key) => Either::Right(Box::pin(once(self.ledger.clone(), self.inner.clone(), inference, key))),
        }
    }
}

async fn once<S>(ledger: Ledger, inner: S, inference: Inference, key: IdempotencyKey) -> Result<Response<Body>, Error>
where
    S: Service<Inference, Response = Response<Body>, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    let asked = Asked::new(&inference, &key)?;
    let context = &inference.context;
    loop {
        let begin = |registration| Execution::new(inner.clone(), inference.clone(), registration);
        match ledger.find(&asked, context.id(), begin) {
            Found::Started(execution) => {
                count("executed");
                return execution.answer().await;
            }
            Found::Running(execution) => {
                count("joined");
                let answer = execution.answer().await;
                // It may have failed because of a deadline that is not this request's. Having failed, it has left the ledger.
                let failed = answer.as_ref().is_err_and(|error| error.kind() != Kind::IdempotencyKeyInUse);
                if failed && execution.first().remaining().is_zero() {
                    continue;
                }
                context.set_replay_of(execution.first().id());
                return answer.map(replayed);
            }
            Found::Stored(whole) => {
                count("replayed");
                context.set_replay_of(whole.first);
                return Ok(replayed(whole.respond()));
            }
            Found::Reused => {
                count("refused");
                return Err(key::reused());
            }
        }
    }
}

fn count(outcome: &'static str) {
    counter!(names::IDEMPOTENCY_REQUESTS, names::OUTCOME => outcome).increment(1);
}
