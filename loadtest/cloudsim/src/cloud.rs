//! What every simulated cloud is: something that answers a request in its own dialect, and has a manner of saying no.
//!
//! A cloud knows nothing of scripts. It gives the right answer in the parts in which it goes over the wire, and the service
//! lets a script interfere between the parts; so every fault exists for every cloud without the cloud's doing.

use std::fmt;

use bytes::Bytes;
use serde_json::Value;

use crate::behaviour::Behaviour;
use crate::log::Received;
use crate::refusal::Refusal;

/// One simulated cloud.
pub(crate) trait Cloud: fmt::Debug + Send + Sync {
    /// What it says to a request.
    fn answer(&self, behaviour: &Behaviour, request: &Received) -> Answered;
}

/// How one dialect says no. A cloud with several dialects has several manners.
pub(crate) trait Manner: fmt::Debug + Send + Sync {
    /// A refused request.
    fn refuse(&self, refusal: &Refusal) -> Document;

    /// A fault after the stream has begun: one part of it, framed as the others are.
    fn refuse_in_stream(&self, refusal: &Refusal) -> Bytes;
}

/// What a cloud says to a request.
#[derive(Debug)]
pub(crate) enum Answered {
    /// The right answer to what an inference endpoint was asked; a script may spoil it.
    Scene { content: Content, manner: &'static dyn Manner },
    /// A refusal, a list of models, a token: no script touches it.
    Aside(Document),
}

impl Answered {
    /// The answer, or the refusal in that manner.
    pub(crate) fn of(result: Result<Content, Refusal>, manner: &'static dyn Manner) -> Self {
        match result {
            Ok(content) => Self::Scene { content, manner },
            Err(refusal) => Self::Aside(manner.refuse(&refusal)),
        }
    }
}

/// An answer, before anything happens to it.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) framing: Framing,
    /// What is sent: the events of a stream, or the two halves of a document.
    pub(crate) parts: Vec<Bytes>,
}

/// Whether the length of an answer is known when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Document,
    Stream,
}

impl Content {
    /// A JSON document.
    pub(crate) fn json(json: &Value) -> Self {
        let mut first = Bytes::from(json.to_string());
        let second = first.split_off(first.len() / 2);
        let parts = vec![first, second];
        Self { content_type: "application/json", headers: Vec::new(), framing: Framing::Document, parts }
    }

    /// A stream of server-sent events, already framed.
    pub(crate) fn events(parts: Vec<Bytes>) -> Self {
        Self { content_type: "text/event-stream; charset=utf-8", headers: Vec::new(), framing: Framing::Stream, parts }
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Document {
    /// A response with a JSON body.
    pub(crate) fn json(status: u16, json: &Value) -> Self {
        Self::of(status, "application/json", json.to_string())
    }

    /// A response with a body of that type.
    pub(crate) fn of(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, content_type, headers: Vec::new(), body: body.into() }
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// One server-sent event without a name.
pub(crate) fn event(data: impl fmt::Display) -> Bytes {
    format!("data: {data}\n\n").into()
}

/// One server-sent event with a name.
pub(crate) fn named_event(name: &str, data: impl fmt::Display) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}
