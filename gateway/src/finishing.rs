//! The future of a layer that only looks at the outcome.
//!
//! Most layers hand a request on and act once its response is there. Such a layer calls its inner service at once and wraps the future, so
//! that nothing is boxed and nothing cloned for it. What a layer keeps meanwhile is its [`Finish`]; if the request is cancelled before
//! there is a response, that value is dropped, and its `Drop` is where it must settle.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

/// What a layer does with the outcome of the layers below.
pub trait Finish<T> {
    /// What the layer makes of it.
    type Output;

    /// Called once, with the outcome.
    fn finish(self, outcome: T) -> Self::Output;
}

pin_project! {
    /// A future, and what to do when it is ready.
    #[derive(Debug)]
    pub struct Finishing<F, T> {
        #[pin]
        future: F,
        finish: Option<T>,
    }
}

impl<F, T> Finishing<F, T> {
    /// Runs `future`, then `finish`.
    pub const fn new(future: F, finish: T) -> Self {
        Self { future, finish: Some(finish) }
    }
}

impl<F: Future, T: Finish<F::Output>> Future for Finishing<F, T> {
    type Output = T::Output;

    #[expect(clippy::expect_used, reason = "a future must not be polled after it was ready, as the trait says")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = ready!(this.future.poll(cx));
        let finish = this.finish.take().expect("the future was polled after it was ready");
        Poll::Ready(finish.finish(outcome))
    }
}
