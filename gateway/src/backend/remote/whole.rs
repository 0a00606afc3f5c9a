//! Whole answers: passed on as they came, or read and written in the client's dialect.

use std::time::SystemTime;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, de::IgnoredAny};
use tradewind_protocol::{
    Operation, Usage,
    openai::{self, Identity, ShownModel},
};
use tradewind_providers::{Reply, Translate, Translated};

use super::outcome::unreadable;
use crate::{
    backend::Attempt,
    client::with_causes,
    context::RequestContext,
    error::Kind,
    inference::{Failure, Inference, Whole},
};

/// The largest whole answer that is taken: far above a real one, and a bound on what an upstream makes us hold.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// Collects an answer.
pub(super) async fn reply(response: Response<Incoming>) -> Result<Reply, Failure> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_LIMIT).collect().await;
    let body = body.map_err(|error| Failure::backend(Kind::UpstreamFailed, with_causes(&*error)))?.to_bytes();
    Ok(Reply { headers: head.headers, body })
}

/// An answer in the client's dialect: as it came, but for the name of the model.
pub(super) async fn passed(response: Response<Incoming>, inference: &Inference) -> Result<Whole, Failure> {
    #[derive(Deserialize)]
    struct Document {
        usage: Option<Usage>,
        error: Option<IgnoredAny>,
        choices: Option<IgnoredAny>,
        data: Option<IgnoredAny>,
        results: Option<IgnoredAny>,
        outputs: Option<IgnoredAny>,
        model: Option<String>,
    }
    let operation = inference.operation;
    let status = response.status();
    let body = reply(response).await?.body;
    let failure = |detail: String| Failure::backend(Kind::UpstreamFailed, detail);
    let document: Document =
        serde_json::from_slice(&body).map_err(|error| failure(format!("the answer is not JSON: {error}")))?;
    if document.error.is_some() {
        return Err(failure("status 200 with an error inside".to_owned()));
    }
    let answer = match operation {
        Operation::Chat | Operation::Completions => document.choices,
        Operation::Embeddings => document.data,
        Operation::Rerank => document.results,
        Operation::Infer => document.outputs,
    };
    match answer {
        Some(_) => {
            let mut model = ShownModel::new(&inference.head().model);
            if let Some(told) = &document.model {
                model.learn(told);
            }
            Ok(Whole { status, body: model.show(body), usage: document.usage })
        }
        None => Err(failure(format!("status 200 without an answer to {operation}"))),
    }
}

/// An answer of another dialect, in the client's.
pub(super) fn translated(translate: &mut dyn Translate, replies: &[Reply], attempt: &Attempt) -> Result<Whole, Failure> {
    let inference = &attempt.inference;
    let label = Label::of(&inference.context);
    let identity = label.identity(&inference.head().model);
    let (body, usage) = match translate.whole(replies).map_err(|error| unreadable(&error))? {
        Translated::Chat(answer) if inference.operation == Operation::Completions => {
            (openai::write_completion(&answer, &identity), answer.usage)
        }
        Translated::Chat(answer) => (openai::write_chat(&answer, &identity), answer.usage),
        Translated::Embeddings(answer) => {
            let asked = inference.payload.embeddings().map_err(|error| Failure::backend(Kind::Internal, error.to_string()))?;
            let format = asked.encoding_format.unwrap_or_default();
            (openai::write_embeddings(&answer, format, &identity), answer.usage)
        }
        Translated::Rerank(answer) => {
            let asked = inference.payload.rerank().map_err(|error| Failure::backend(Kind::Internal, error.to_string()))?;
            (openai::write_rerank(&answer, asked, &identity), answer.usage)
        }
    };
    Ok(Whole { status: StatusCode::OK, body: Bytes::from(body), usage })
}

/// What an answer says of itself where its provider did not tell.
pub(super) struct Label {
    id: String,
    created: u64,
}

impl Label {
    pub(super) fn of(context: &RequestContext) -> Self {
        let created = context.received().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { id: context.id().to_string(), created }
    }

    pub(super) fn identity<'a>(&'a self, model: &'a str) -> Identity<'a> {
        Identity { id: &self.id, created: self.created, model }
    }
}
