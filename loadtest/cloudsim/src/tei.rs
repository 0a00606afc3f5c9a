//! Hugging Face Text Embeddings Inference: its own embeddings and rerank beside OpenAI's embeddings.

use http::Method;
use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::cloud::{Answered, Cloud, Content};
use crate::json::{Object, body};
use crate::log::Received;
use crate::openai::{Host, Naming, OPENAI, Serves, Shape, Unknown, serve};
use crate::refusal::Refusal;
use crate::scene::{ranked, vector};

/// TEI.
#[derive(Debug)]
pub(crate) struct Tei;

/// What it takes in OpenAI's dialect. It serves one model, whatever the request calls it.
static HOST: Host =
    Host { serves: &[Serves::NoChat, Serves::Embeddings], errors: Shape::Tei, unknown: Unknown::Ignored, ..OPENAI };

impl Cloud for Tei {
    fn answer(&self, behaviour: &Behaviour, request: &Received) -> Answered {
        match (&request.method, request.route()) {
            (&Method::POST, "/v1/embeddings") => {
                let model = behaviour.embedding_models.first().cloned().unwrap_or_default();
                Answered::of(serve(&HOST, behaviour, request, "/embeddings", &Naming::Path(model)), &HOST.errors)
            }
            (&Method::POST, "/embed") => Answered::of(own(behaviour, request, embed), &Shape::TeiNative),
            (&Method::POST, "/rerank") => Answered::of(own(behaviour, request, rerank), &Shape::TeiNative),
            (method, path) => Answered::of(Err(Refusal::unknown_url(method, path)), &Shape::TeiNative),
        }
    }
}

fn own(
    behaviour: &Behaviour,
    request: &Received,
    operation: fn(&Behaviour, &Object<'_>) -> Result<Value, Refusal>,
) -> Result<Content, Refusal> {
    let members = body(request)?;
    Ok(Content::json(&operation(behaviour, &Object::root(&members))?))
}

fn embed(behaviour: &Behaviour, body: &Object<'_>) -> Result<Value, Refusal> {
    body.only(&["inputs", "truncate", "truncation_direction", "normalize", "prompt_name", "dimensions"])?;
    let inputs = match body.required("inputs")?.value.as_str() {
        Some(text) => vec![text.to_owned()],
        None => body.texts("inputs")?,
    };
    let dimensions = body.count("dimensions")?.unwrap_or(behaviour.dimensions);
    Ok(inputs.iter().map(|text| json!(vector(text, dimensions))).collect())
}

fn rerank(_: &Behaviour, body: &Object<'_>) -> Result<Value, Refusal> {
    body.only(&["query", "texts", "return_text", "raw_scores", "truncate", "truncation_direction"])?;
    body.filled_list("texts")?;
    let texts = body.texts("texts")?;
    let told = body.flag("return_text")?;
    let result = |(index, score): (usize, f64)| match texts.get(index).filter(|_| told) {
        Some(text) => json!({ "index": index, "score": score, "text": text }),
        None => json!({ "index": index, "score": score }),
    };
    Ok(ranked(body.required_text("query")?, &texts).into_iter().map(result).collect())
}
