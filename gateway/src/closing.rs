//! What is done once when a request is over, however that comes about: its body ends, is dropped before, or there never is a response.

use std::convert::Infallible;

use http::{Response, StatusCode};

use crate::{
    body::{Body, End, OnEnd},
    context::Outcome,
    finishing::Finish,
};

/// What is to be done once when a request is over.
pub trait Close: Send + 'static {
    /// The head of the response is there. Of a request that ends without one, this is never heard.
    fn answered(&mut self, _response: &mut Response<Body>) {}

    /// The request is over.
    fn close(self, ended: Ended);
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// That of the response, if there was one.
    pub status: Option<StatusCode>,
    /// What the caller got.
    pub outcome: Outcome,
    /// Why a stream broke off.
    pub reason: Option<&'static str>,
}

/// A request whose end is waited for.
#[derive(Debug)]
pub struct Closing<C: Close> {
    /// Taken when it is done.
    close: Option<C>,
    status: Option<StatusCode>,
}

impl<C: Close> Closing<C> {
    /// At its end, `close` is closed; nothing is done where there is none.
    pub const fn new(close: Option<C>) -> Self {
        Self { close, status: None }
    }

    fn close(&mut self, outcome: Outcome, reason: Option<&'static str>) {
        if let Some(close) = self.close.take() {
            close.close(Ended { status: self.status, outcome, reason });
        }
    }
}

impl<C: Close> Finish<Result<Response<Body>, Infallible>> for Closing<C> {
    type Output = Result<Response<Body>, Infallible>;

    fn finish(mut self, outcome: Self::Output) -> Self::Output {
        let Ok(mut response) = outcome;
        self.status = Some(response.status());
        if let Some(close) = &mut self.close {
            close.answered(&mut response);
            response.body_mut().on_end(self);
        }
        Ok(response)
    }
}

impl<C: Close> OnEnd for Closing<C> {
    fn on_end(mut self: Box<Self>, end: End) {
        let reason = match end {
            End::Interrupted(why) => Some(why),
            End::Completed | End::Dropped => None,
        };
        self.close(Outcome::of(end), reason);
    }
}

impl<C: Close> Drop for Closing<C> {
    fn drop(&mut self) {
        self.close(Outcome::of_abandoned(), None);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use bytes::Bytes;

    use super::*;

    impl Close for Sender<Ended> {
        fn close(self, ended: Ended) {
            self.send(ended).unwrap();
        }
    }

    #[test]
    fn a_request_is_closed_once_however_it_ends() {
        let (sender, receiver) = channel();
        let closing = || Closing::new(Some(sender.clone()));
        let left = Ended { status: None, outcome: Outcome::ClientClosed, reason: None };
        drop(closing());
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [left]);
        let Ok(response) = closing().finish(Ok(Response::new(Body::full(Bytes::from_static(b"all of it")))));
        assert_eq!(receiver.try_iter().count(), 0, "its body has yet to end");
        drop(response);
        let status = Some(StatusCode::OK);
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [Ended { status, ..left }]);
        let Ok(response) = closing().finish(Ok(Response::new(Body::full(Bytes::from_static(b"all of it")))));
        assert!(response.into_body().into_whole().is_ok());
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [Ended { status, outcome: Outcome::Completed, reason: None }]);
        Box::new(closing()).on_end(End::Interrupted("upstream_broke_off"));
        let broken = Ended { status: None, outcome: Outcome::Interrupted, reason: Some("upstream_broke_off") };
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [broken]);
    }
}
