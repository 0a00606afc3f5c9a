//! A decoded request: what travels below the HTTP layers, and what comes back from a backend.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::StatusCode;
use tradewind_protocol::{Operation, Payload, Usage, chat::Dropped, oip::Path, openai::Head};
use tradewind_providers::RateLimits;

use crate::{
    body::EventStream,
    context::RequestContext,
    error::{Error, Kind},
};

/// What the application wants, once its HTTP is understood.
#[derive(Debug, Clone)]
pub enum Call {
    /// The models it may use. No backend is asked.
    ListModels(Arc<RequestContext>),
    /// What the server or a model is, by the Open Inference Protocol. No backend is asked.
    Describe(Arc<RequestContext>, Path),
    /// One model, to be asked.
    Infer(Inference),
}

/// A request to a model.
#[derive(Debug, Clone)]
pub struct Inference {
    /// Everything known of the request so far.
    pub context: Arc<RequestContext>,
    /// What to do.
    pub operation: Operation,
    /// The body, parsed as far as somebody asked.
    pub payload: Arc<Payload>,
}

impl Inference {
    /// The fields that routing needs.
    #[must_use]
    pub fn head(&self) -> &Head {
        self.payload.head()
    }
}

/// What a backend answers.
#[derive(Debug)]
pub struct Answer {
    /// The answer itself.
    pub content: Content,
    /// Which of the caller's fields the backend could not honour and did without.
    pub dropped: Dropped,
    /// What the provider told of its rate limits.
    pub limits: RateLimits,
}

/// An answer, whole or under way.
pub enum Content {
    /// All at once.
    Whole(Whole),
    /// As events; the first of them has arrived.
    Events(EventStream),
}

/// A whole answer, ready to be passed on.
#[derive(Debug)]
pub struct Whole {
    /// A success, or the backend's own refusal of a faulty request.
    pub status: StatusCode,
    /// A JSON document.
    pub body: Bytes,
    /// Tokens used, if the backend told.
    pub usage: Option<Usage>,
}

impl Answer {
    /// All at once, with nothing left out.
    #[must_use]
    pub const fn whole(whole: Whole) -> Self {
        Self { content: Content::Whole(whole), dropped: Dropped::new(), limits: RateLimits::NONE }
    }

    /// As events, with nothing left out.
    #[must_use]
    pub const fn events(events: EventStream) -> Self {
        Self { content: Content::Events(events), dropped: Dropped::new(), limits: RateLimits::NONE }
    }

    /// Says what was left out.
    #[must_use]
    pub fn without(mut self, dropped: Dropped) -> Self {
        self.dropped = dropped;
        self
    }

    /// Says what the provider told of its rate limits.
    #[must_use]
    pub const fn within(mut self, limits: RateLimits) -> Self {
        self.limits = limits;
        self
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(whole) => f.debug_tuple("Whole").field(whole).finish(),
            Self::Events(_) => f.write_str("Events"),
        }
    }
}

/// Why an attempt at one backend came to nothing, before a byte of it reached the client.
#[derive(Debug)]
pub struct Failure {
    /// What it says of the backend, and so where to go next.
    pub blame: Blame,
    /// What to tell the caller if nobody else can help.
    pub error: Error,
    /// What happened, for the log: it may name what is the operator's affair.
    pub detail: String,
    /// The backend's own refusal of a faulty request, where it is in the client's dialect.
    pub original: Option<Box<Whole>>,
}

/// What a failed attempt says of the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// Nothing: the request asks for what this backend does not offer. Another may.
    Unsuited,
    /// Nothing: the request is at fault, wherever it goes; that showed before the backend was asked.
    Invalid,
    /// It is well enough to say that the request is at fault.
    Request,
    /// It is well enough to say that the conversation does not fit the model. One with more room may take it.
    ContextLength,
    /// It has had enough for now, for so long if it said so.
    RateLimited(Option<std::time::Duration>),
    /// It failed, and may have said how long to leave it alone.
    Backend(Option<std::time::Duration>),
    /// It does not accept the credential, or does not know the model: its operator has to mend that.
    Misconfigured,
}

impl Failure {
    /// A failure of the backend, told to the caller without details.
    pub fn backend(kind: Kind, detail: impl Into<String>) -> Self {
        let message = match kind {
            Kind::Timeout => "Upstream timed out.",
            _ => "The upstream failed or returned an invalid response.",
        };
        Self { blame: Blame::Backend(None), error: Error::new(kind, message), detail: detail.into(), original: None }
    }

    /// A request that asks for what this backend does not offer.
    #[must_use]
    pub fn unsuited(error: Error) -> Self {
        Self { blame: Blame::Unsuited, detail: error.to_string(), error, original: None }
    }

    /// A request that is wrong, wherever it goes.
    #[must_use]
    pub fn request(error: Error) -> Self {
        Self { blame: Blame::Invalid, detail: error.to_string(), error, original: None }
    }
}
