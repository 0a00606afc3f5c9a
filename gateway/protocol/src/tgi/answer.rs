//! A whole continued text.

use serde::Deserialize;

use super::details::Details;
use crate::{
    chat::{AssistantMessage, ChatResponse, Choice, FinishReason, Part},
    openai::AnswerError,
};

/// `/generate` answers with an object, `/invocations` and `/` with a list of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer<'a> {
    One(#[serde(borrow)] Generated<'a>),
    List(#[serde(borrow)] [Generated<'a>; 1]),
}

#[derive(Deserialize)]
struct Generated<'a> {
    generated_text: Option<String>,
    #[serde(borrow)]
    details: Option<Details<'a>>,
    error: Option<String>,
}

/// Reads the answer of TGI or LMI.
///
/// # Errors
/// [`AnswerError`]: it is none, or tells of an error.
pub fn read_generated(body: &[u8]) -> Result<ChatResponse, AnswerError> {
    let answer = serde_json::from_slice(body).map_err(|error| AnswerError::Malformed(error.to_string()))?;
    let (Answer::One(generated) | Answer::List([generated])) = answer;
    if let Some(message) = generated.error {
        return Err(AnswerError::Told { status: 500, message });
    }
    let text = generated.generated_text.ok_or_else(|| AnswerError::Malformed("there is no `generated_text`".to_owned()))?;
    let details = generated.details;
    let finish_reason = match &details {
        Some(details) => details.finish_reason().ok_or_else(|| failed(&text))?,
        None => FinishReason::Stop,
    };
    let message = AssistantMessage { content: vec![Part::Text(text)], ..AssistantMessage::default() };
    Ok(ChatResponse {
        choices: vec![Choice { message, finish_reason, logprobs: None }],
        usage: details.and_then(|details| details.usage()),
        ..ChatResponse::default()
    })
}

fn failed(text: &str) -> AnswerError {
    AnswerError::Told { status: 500, message: format!("the model failed after {} bytes of text", text.len()) }
}
