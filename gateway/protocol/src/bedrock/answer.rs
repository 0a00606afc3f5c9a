//! A whole answer of Converse.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{ToolNames, stop_reason::finish_reason, usage::TokenUsage};
use crate::{
    chat::{ANSWER_TOOL, AssistantMessage, ChatResponse, Choice, Part, Reasoning, ToolCall},
    openai::AnswerError,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    output: Option<Output>,
    #[serde(default)]
    stop_reason: String,
    usage: Option<TokenUsage>,
}

#[derive(Deserialize)]
struct Output {
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Vec<Block>,
}

/// A block; those of kinds that no chat client knows have none of these members.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    text: Option<String>,
    tool_use: Option<ToolUse>,
    reasoning_content: Option<ReasoningContent>,
    citations_content: Option<CitationsContent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse {
    tool_use_id: String,
    name: String,
    input: Option<Box<RawValue>>,
    r#type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReasoningContent {
    reasoning_text: Option<ReasoningText>,
    redacted_content: Option<String>,
}

#[derive(Deserialize)]
struct ReasoningText {
    text: String,
    signature: Option<String>,
}

#[derive(Deserialize)]
struct CitationsContent {
    #[serde(default)]
    content: Vec<Cited>,
}

#[derive(Deserialize)]
struct Cited {
    text: Option<String>,
}

/// Reads the answer of Converse; tools get back the names that the caller gave them.
///
/// # Errors
/// [`AnswerError::Malformed`]: it is no JSON of this form, or has no message, which Bedrock is known to send.
pub fn read_chat(body: &[u8], names: &ToolNames) -> Result<ChatResponse, AnswerError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| AnswerError::Malformed(error.to_string()))?;
    let message = answer.output.and_then(|output| output.message);
    let message = message.ok_or_else(|| AnswerError::Malformed("there is no `output.message`".to_owned()))?;
    let message = said(message, names)?;
    let finish_reason = finish_reason(&answer.stop_reason).settled(message.tool_calls.len());
    let choice = Choice { message, finish_reason, logprobs: None };
    Ok(ChatResponse { choices: vec![choice], usage: answer.usage.map(Into::into), ..ChatResponse::default() })
}

fn said(message: Message, names: &ToolNames) -> Result<AssistantMessage, AnswerError> {
    let mut said = AssistantMessage::default();
    for block in message.content {
        said.content.extend(block.text.filter(|text| !text.is_empty()).map(Part::Text));
        let cited = block.citations_content.into_iter().flat_map(|cited| cited.content);
        said.content.extend(cited.filter_map(|cited| cited.text).map(Part::Text));
        if let Some(thought) = block.reasoning_content {
            let text = thought.reasoning_text.map(|thought| Reasoning::Text { text: thought.text, signature: thought.signature });
            said.reasoning.extend(text);
            said.reasoning.extend(thought.redacted_content.map(Reasoning::Redacted));
        }
        // What Bedrock itself has called and answered is not for the caller to call.
        if let Some(call) = block.tool_use.filter(|call| call.r#type.as_deref() != Some("server_tool_use")) {
            let arguments = call.input.map_or_else(|| "{}".to_owned(), |input| input.get().to_owned());
            if call.name == ANSWER_TOOL {
                said.content.push(Part::Text(arguments));
                continue;
            }
            let name = names.original(&call.name).to_owned();
            if call.tool_use_id.is_empty() || name.is_empty() {
                return Err(AnswerError::Malformed("a call of a tool has no id or no name".to_owned()));
            }
            said.tool_calls.push(ToolCall { id: call.tool_use_id, name, arguments, signature: None });
        }
    }
    Ok(said)
}
