//! Whole answers.

use super::{
    GoogleError, call_id, finish, logprobs,
    wire::{Answer, Candidate},
};
use crate::{
    chat::{AssistantMessage, ChatResponse, Choice, FinishReason, Part, Reasoning, ToolCall},
    openai::AnswerError,
    text::Text,
};

/// Reads the answer of `generateContent`.
///
/// # Errors
/// [`AnswerError`]: it is none, tells of an error, or holds neither an answer nor a reason why there is none.
pub fn read_chat(body: &[u8]) -> Result<ChatResponse, AnswerError> {
    let malformed = |error: serde_json::Error| AnswerError::Malformed(error.to_string());
    if let Some(error) = GoogleError::read(body) {
        return Err(error.into());
    }
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(malformed)?;
    let id = answer.response_id.map(Text::into_string);
    let mut choices = Vec::new();
    for candidate in answer.candidates {
        choices.push((candidate.index, choice(candidate, id.as_deref().unwrap_or_default())?));
    }
    choices.sort_by_key(|(index, _)| *index);
    let mut choices: Vec<Choice> = choices.into_iter().map(|(_, choice)| choice).collect();
    if choices.is_empty() {
        if answer.prompt_feedback.and_then(|feedback| feedback.block_reason).is_none() {
            return Err(AnswerError::Malformed("it has neither `candidates` nor a reason why the prompt was blocked".to_owned()));
        }
        choices.push(Choice { message: AssistantMessage::default(), finish_reason: FinishReason::ContentFilter, logprobs: None });
    }
    Ok(ChatResponse { id, created: None, choices, usage: answer.usage_metadata.map(Into::into) })
}

fn choice(candidate: Candidate<'_>, response_id: &str) -> Result<Choice, AnswerError> {
    let mut message = AssistantMessage::default();
    let (mut text, mut thought) = (String::new(), String::new());
    let mut calls = 0;
    for part in candidate.content.unwrap_or_default().parts {
        if let Some(said) = part.text {
            let place = if part.thought == Some(true) { &mut thought } else { &mut text };
            place.push_str(&said);
        }
        if let Some(call) = part.function_call {
            let arguments = call.arguments().to_owned();
            let name = call.name().map_err(AnswerError::Malformed)?.to_owned();
            let id = call.id.map(Text::into_string).filter(|id| !id.is_empty()).unwrap_or_else(|| {
                let mut id = String::new();
                call_id::write(&mut id, response_id, candidate.index.unwrap_or(0), calls, &name);
                id
            });
            message.tool_calls.push(ToolCall { id, name, arguments, signature: part.thought_signature.map(Text::into_string) });
            calls += 1;
        }
    }
    if !text.is_empty() {
        message.content.push(Part::Text(text));
    }
    if !thought.is_empty() {
        message.reasoning.push(Reasoning::Text { text: thought, signature: None });
    }
    let Some(reason) = candidate.finish_reason else {
        return Err(AnswerError::Malformed("a candidate has no `finishReason`".to_owned()));
    };
    let logprobs = candidate.logprobs_result.map(logprobs::to_openai).transpose();
    Ok(Choice {
        message,
        finish_reason: finish::reason(&reason, calls),
        logprobs: logprobs.map_err(|error| AnswerError::Malformed(error.to_string()))?,
    })
}
