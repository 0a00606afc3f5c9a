//! Embeddings: OpenAI's request becomes the engine's, and the engine's vectors OpenAI's answer.

use tradewind_models::{EncoderEngine, encoder::Input};
use tradewind_protocol::{
    Usage,
    openai::{Embedding, EmbeddingInput, EmbeddingList, EmbeddingRequest, UsageBody, Vector},
};

use super::{answered, chat_request::unsupported_field, encode_failure, not_taken, parse};
use crate::{
    backend::Attempt,
    error::{Error, Kind},
    inference::{Answer, Failure},
};

/// How many inputs OpenAI's API takes at once.
const MOST_INPUTS: usize = 2048;

/// Embeds the inputs of `attempt`.
pub(super) async fn answer(engine: &EncoderEngine, attempt: Attempt) -> Result<Answer, Failure> {
    let request: EmbeddingRequest = parse(attempt.inference.payload.body())?;
    if attempt.inference.head().stream {
        return Err(unsupported_field("stream".to_owned(), "only false"));
    }
    if let Some(unsupported) = request.unsupported() {
        return Err(unsupported_field(unsupported.param, unsupported.accepted));
    }
    let native = engine.dimensions();
    if request.dimensions.is_some_and(|dimensions| dimensions != native as u64) {
        return Err(unsupported_field("dimensions".to_owned(), &format!("only {native}")));
    }
    let format = request.encoding_format.unwrap_or_default();
    let inputs = inputs(request.input)?;
    let made = engine.submit(inputs).map_err(not_taken)?.await.map_err(|error| encode_failure(error, "input"))?;
    let usage = Usage::new(made.prompt_tokens as u64, 0);
    let vectors = made.outputs.iter().enumerate();
    let list = EmbeddingList {
        object: "list",
        data: vectors
            .map(|(index, values)| Embedding { object: "embedding", index, embedding: Vector { values, format } })
            .collect(),
        model: &attempt.inference.head().model,
        usage: UsageBody::read(usage),
    };
    let body = serde_json::to_vec(&list).map_err(|error| Failure::backend(Kind::Internal, error.to_string()))?;
    Ok(answered(body, usage))
}

fn inputs(input: EmbeddingInput) -> Result<Vec<Input>, Failure> {
    let inputs: Vec<Input> = match input {
        EmbeddingInput::Text(text) => vec![Input::Text(text)],
        EmbeddingInput::Texts(texts) => texts.into_iter().map(Input::Text).collect(),
        EmbeddingInput::Tokens(tokens) => vec![Input::Tokens(tokens)],
        EmbeddingInput::TokenLists(lists) => lists.into_iter().map(Input::Tokens).collect(),
    };
    // As OpenAI has it: an empty text has no meaning to embed.
    let is_empty = |input: &Input| matches!(input, Input::Text(text) if text.is_empty());
    if inputs.is_empty() || inputs.len() > MOST_INPUTS || inputs.iter().any(is_empty) {
        let message = format!("`input` must hold 1 to {MOST_INPUTS} texts, none of them empty.");
        return Err(Failure::request(Error::new(Kind::InvalidRequest, message).with_param("input")));
    }
    Ok(inputs)
}
