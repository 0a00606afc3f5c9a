//! Whole answers.

use serde::Deserialize;

use super::{finish, usage::UsageBody};
use crate::{
    chat::{AssistantMessage, ChatResponse, Choice, Part, Reasoning, ToolCall},
    openai::AnswerError,
};

#[derive(Deserialize)]
struct Answer {
    id: Option<String>,
    finish_reason: String,
    message: Message,
    usage: Option<UsageBody>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<Vec<Block>>,
    tool_calls: Option<Vec<Call>>,
    tool_plan: Option<String>,
}

/// A part of the answer; which, is told by the field that is there.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Block {
    text: Option<String>,
    thinking: Option<String>,
}

#[derive(Deserialize)]
struct Call {
    id: String,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    arguments: Option<String>,
}

/// Reads the answer of `POST /v2/chat`. The plan of a call counts as a thought.
///
/// # Errors
/// [`AnswerError`]: it is none, or ended with an error.
pub fn read_chat(body: &[u8]) -> Result<ChatResponse, AnswerError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| AnswerError::Malformed(error.to_string()))?;
    let finish_reason = finish::reason(&answer.finish_reason)
        .map_err(|status| AnswerError::Told { status, message: format!("the answer ended with {}", answer.finish_reason) })?;
    let message = message(answer.message)?;
    let finish_reason = finish_reason.settled(message.tool_calls.len());
    let choice = Choice { message, finish_reason, logprobs: None };
    let usage = answer.usage.and_then(UsageBody::usage);
    Ok(ChatResponse { id: answer.id, created: None, choices: vec![choice], usage })
}

fn message(told: Message) -> Result<AssistantMessage, AnswerError> {
    let mut message = AssistantMessage::default();
    let thought = |text: String| (!text.is_empty()).then_some(Reasoning::Text { text, signature: None });
    for block in told.content.unwrap_or_default() {
        message.reasoning.extend(block.thinking.and_then(thought));
        message.content.extend(block.text.filter(|text| !text.is_empty()).map(Part::Text));
    }
    message.reasoning.extend(told.tool_plan.and_then(thought));
    let call = |call: Call| ToolCall {
        id: call.id,
        name: call.function.name,
        arguments: call.function.arguments.filter(|text| !text.is_empty()).unwrap_or_else(|| "{}".to_owned()),
        signature: None,
    };
    message.tool_calls = told.tool_calls.unwrap_or_default().into_iter().map(call).collect();
    if message.tool_calls.iter().any(|call| call.id.is_empty() || call.name.is_empty()) {
        return Err(AnswerError::Malformed("a call of a tool has no id or no name".to_owned()));
    }
    Ok(message)
}
