//! One of two answers, as far as it is compared.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

/// An answer that came to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Side {
    /// From the attempt's beginning to the first content of a stream.
    pub first_token: Option<Duration>,
    /// To the end of the answer.
    pub total: Duration,
    /// How many tokens it has, if that is known.
    pub output_tokens: Option<u64>,
    /// The whole answer where it is one of embeddings, until they are compared.
    pub embeddings: Option<Bytes>,
}

/// How the client's answer fares.
#[derive(Debug)]
pub struct Tell(oneshot::Sender<Option<Side>>);

/// What is told of the client's answer.
#[derive(Debug)]
pub struct Heard(oneshot::Receiver<Option<Side>>);

/// Tells from the client's answer to its copy.
#[must_use]
pub fn pair() -> (Tell, Heard) {
    let (tell, heard) = oneshot::channel();
    (Tell(tell), Heard(heard))
}

impl Tell {
    /// It came to its end.
    pub fn answered(self, side: Side) {
        let _nobody_compares = self.0.send(Some(side));
    }

    /// It failed.
    pub fn failed(self) {
        let _nobody_compares = self.0.send(None);
    }
}

impl Heard {
    /// Waits for its end: the answer, or that it failed. Nothing if the client left before.
    pub async fn end(self) -> Option<Option<Side>> {
        self.0.await.ok()
    }
}
