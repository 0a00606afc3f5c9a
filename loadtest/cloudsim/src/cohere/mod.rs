//! Cohere's API, version 2.

use http::Method;
use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::cloud::{Answered, Cloud, Content, Document};
use crate::credential;
use crate::json::{Object, body};
use crate::log::Received;
use crate::refusal::Refusal;

mod answer;
mod check;
mod embed;
mod error;
mod messages;
mod rerank;

use error::Plain;

/// Cohere.
#[derive(Debug)]
pub(crate) struct Cohere;

impl Cloud for Cohere {
    fn answer(&self, behaviour: &Behaviour, request: &Received) -> Answered {
        if let Err(refusal) = credential::bearer(behaviour, request) {
            return Answered::of(Err(refusal), &Plain);
        }
        if (&request.method, request.route()) == (&Method::GET, "/v1/models") {
            return Answered::Aside(Document::json(200, &models(behaviour)));
        }
        Answered::of(serve(behaviour, request), &Plain)
    }
}

fn serve(behaviour: &Behaviour, request: &Received) -> Result<Content, Refusal> {
    let operation = match (&request.method, request.route()) {
        (&Method::POST, "/v2/chat") => answer::chat,
        (&Method::POST, "/v2/embed") => embed::answer,
        (&Method::POST, "/v2/rerank") => rerank::answer,
        (method, path) => return Err(Refusal::unknown_url(method, path)),
    };
    let members = body(request)?;
    operation(behaviour, &Object::root(&members))
}

/// The model that a request names, if it is one of those that are served.
fn model(body: &Object<'_>, served: &[String]) -> Result<String, Refusal> {
    let model = body.required_text("model")?;
    if served.iter().any(|known| known == model) { Ok(model.to_owned()) } else { Err(Refusal::unknown_model(model)) }
}

fn models(behaviour: &Behaviour) -> Value {
    let models = [(&behaviour.chat_models, "chat"), (&behaviour.embedding_models, "embed"), (&behaviour.rerank_models, "rerank")];
    let model = |(names, endpoint): (&Vec<String>, &'static str)| {
        names.iter().map(|name| json!({ "name": name, "endpoints": [endpoint] })).collect::<Vec<_>>()
    };
    json!({ "models": models.into_iter().flat_map(model).collect::<Vec<_>>() })
}
