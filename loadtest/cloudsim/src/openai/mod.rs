//! OpenAI's API and its many hosts: one code, in which the differences are values.

use http::Method;

use crate::behaviour::Behaviour;
use crate::cloud::{Answered, Cloud, Content, Document};
use crate::credential;
use crate::json::{Object, body};
use crate::log::Received;
use crate::refusal::{Refusal, Why};

mod answer;
mod chat;
mod chunks;
mod completions;
mod content;
mod embeddings;
mod error;
mod format;
mod host;
pub(crate) mod hosts;
mod messages;
mod models;
mod rerank;
mod tools;

pub(crate) use error::Shape;
pub(crate) use host::{Door, Host, OPENAI, Serves, Unknown};

/// The moment of every answer: the same answer every time.
const CREATED: u64 = 1_700_000_000;

/// One host of OpenAI's API.
#[derive(Debug)]
pub(crate) struct OpenAi(pub(crate) &'static Host);

impl OpenAi {
    /// OpenAI itself.
    pub(crate) fn itself() -> Self {
        static ITSELF: Host = OPENAI;
        Self(&ITSELF)
    }
}

impl Cloud for OpenAi {
    fn answer(&self, behaviour: &Behaviour, request: &Received) -> Answered {
        let Self(host) = self;
        let admitted = admit(host, behaviour, request);
        if let Err(refusal) = admitted {
            return Answered::of(Err(refusal), &host.errors);
        }
        let Some(path) = after(host.base, request.route()) else {
            return Answered::of(Err(Refusal::unknown_url(&request.method, request.route())), &host.errors);
        };
        match (&request.method, path) {
            (&Method::GET, "/models") => Answered::Aside(Document::json(200, &models::list(behaviour))),
            (&Method::POST, path) => Answered::of(serve(host, behaviour, request, path, &Naming::Body), &host.errors),
            (method, _) => Answered::of(Err(Refusal::unknown_url(method, request.route())), &host.errors),
        }
    }
}

/// Where the model is named: in the body, or in the path and at will in the body.
#[derive(Debug)]
pub(crate) enum Naming {
    Body,
    Path(String),
}

impl Naming {
    /// The model that a request names, if it is one of those that are served.
    fn model(&self, body: &Object<'_>, served: &[String]) -> Result<String, Refusal> {
        let model = match self {
            Self::Path(model) => model.as_str(),
            Self::Body => body.text("model")?.ok_or_else(|| body.wrong("model", "must be provided"))?,
        };
        if served.iter().any(|known| known == model) { Ok(model.to_owned()) } else { Err(Refusal::unknown_model(model)) }
    }
}

/// What a host says to a request for one of its operations, whose credential was good.
pub(crate) fn serve(
    host: &'static Host,
    behaviour: &Behaviour,
    request: &Received,
    path: &str,
    naming: &Naming,
) -> Result<Content, Refusal> {
    let serves = |what: Serves| host.serves.contains(&what);
    let operation = match path {
        "/chat/completions" if !serves(Serves::NoChat) => chat::answer,
        "/completions" if serves(Serves::Completions) => completions::answer,
        "/embeddings" if serves(Serves::Embeddings) => embeddings::answer,
        "/rerank" if serves(Serves::Rerank) => rerank::answer,
        _ => return Err(Refusal::unknown_url(&request.method, request.route())),
    };
    let members = body(request)?;
    operation(host, behaviour, &Object::root(&members), naming)
}

/// What a host says to the body of a chat.
pub(crate) fn speak(host: &'static Host, behaviour: &Behaviour, body: &Object<'_>, naming: &Naming) -> Result<Content, Refusal> {
    chat::answer(host, behaviour, body, naming)
}

/// Checks the credential.
pub(crate) fn admit(host: &Host, behaviour: &Behaviour, request: &Received) -> Result<(), Refusal> {
    match host.door {
        Door::Open => Ok(()),
        Door::Bearer => credential::bearer(behaviour, request),
        Door::ApiKeyTwice if request.bearer().is_some_and(|token| request.header("api-key") == Some(token)) => {
            request.bearer().map_or(Ok(()), |key| credential::judge(behaviour, key))
        }
        Door::ApiKey | Door::ApiKeyTwice => credential::check(behaviour, request, &["api-key", "authorization"]),
    }
}

/// What follows `base` in `path`; a `*` stands for one segment of any name.
pub(crate) fn after<'p>(base: &str, path: &'p str) -> Option<&'p str> {
    let mut rest = path;
    for segment in base.split('/').skip(1) {
        let after = rest.strip_prefix('/')?;
        let end = after.find('/').unwrap_or(after.len());
        let (name, further) = after.split_at(end);
        if segment != name && (segment != "*" || name.is_empty()) {
            return None;
        }
        rest = further;
    }
    Some(rest)
}

/// A refusal of something that the host understands but does not do.
fn unsupported(body: &Object<'_>, name: &str) -> Refusal {
    let place = body.at(name);
    Refusal::new(400, Why::Invalid { field: Some(place.clone()) }, format!("'{place}' is not supported here"))
}
