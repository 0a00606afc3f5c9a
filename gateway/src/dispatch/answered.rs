//! A stream that is being passed on: its attempt ends with it.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::Stream;
use tradewind_policies::select::Outcome;

use crate::{body::EventStream, error::Error, route::Run};

/// The events of an attempt. A stream that breaks off counts as a failure of its backend, however fast it began.
pub(super) struct Answered {
    events: EventStream,
    run: Option<Run>,
}

impl Answered {
    pub(super) fn new(events: EventStream, run: Run) -> Self {
        Self { events, run: Some(run) }
    }
}

impl Stream for Answered {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.events.as_mut().poll_next(cx);
        match &polled {
            Poll::Ready(None) => drop(self.run.take()),
            Poll::Ready(Some(Err(_))) => {
                if let Some(mut run) = self.run.take() {
                    run.ended(Outcome::Failure);
                }
            }
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        polled
    }
}
