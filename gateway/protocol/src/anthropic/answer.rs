//! Whole answers.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{error, stop_reason, usage::Counts};
use crate::{
    chat::{ANSWER_TOOL, AssistantMessage, ChatResponse, Choice, Part, Reasoning, ToolCall},
    openai::AnswerError,
    text::Loose,
};

/// A `message`.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    id: Loose<'a>,
    #[serde(borrow)]
    content: Option<Vec<Block<'a>>>,
    #[serde(borrow, default)]
    stop_reason: Loose<'a>,
    #[serde(borrow)]
    stop_details: Option<StopDetails<'a>>,
    usage: Option<Counts>,
    #[serde(borrow)]
    error: Option<error::Detail<'a>>,
}

/// More about why an answer ended.
#[derive(Deserialize)]
pub(super) struct StopDetails<'a> {
    /// Why the model would not answer.
    #[serde(borrow, default)]
    pub(super) explanation: Loose<'a>,
}

/// A block of content, or what a stream tells at the beginning of one. Each kind has some of the members.
#[derive(Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, default)]
    pub(super) r#type: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) text: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) thinking: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) signature: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) data: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) id: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) name: Loose<'a>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
}

/// Reads the answer to a request that [`encode`](super::encode) wrote. What tools of the provider's own side did is left out; what they led
/// the model to say is not.
///
/// # Errors
/// [`AnswerError`]: it is no message, or tells of an error.
pub fn read_answer(body: &[u8]) -> Result<ChatResponse, AnswerError> {
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|error| AnswerError::Malformed(error.to_string()))?;
    if let Some(detail) = answer.error {
        let told = error::ApiError::from(detail);
        return Err(AnswerError::Told { status: error::status_of(&told.kind), message: told.message });
    }
    let Some(blocks) = answer.content else {
        return Err(AnswerError::Malformed("it has no `content`".to_owned()));
    };
    let mut text = String::new();
    let mut message = AssistantMessage::default();
    for block in blocks {
        take(block, &mut text, &mut message)?;
    }
    if !text.is_empty() {
        message.content.push(Part::Text(text));
    }
    message.refusal = answer.stop_details.and_then(|details| details.explanation.text().map(str::to_owned));
    let finish_reason = stop_reason::finish_reason(&answer.stop_reason).settled(message.tool_calls.len());
    Ok(ChatResponse {
        id: answer.id.text().map(str::to_owned),
        created: None,
        choices: vec![Choice { message, finish_reason, logprobs: None }],
        usage: answer.usage.map(Into::into),
    })
}

/// Adds a block to the text or to the rest of the message.
fn take(block: Block<'_>, text: &mut String, message: &mut AssistantMessage) -> Result<(), AnswerError> {
    match &*block.r#type {
        "text" => text.push_str(&block.text),
        "thinking" => {
            let signature = block.signature.text().map(str::to_owned);
            message.reasoning.push(Reasoning::Text { text: block.thinking.into_string(), signature });
        }
        "redacted_thinking" => message.reasoning.push(Reasoning::Redacted(block.data.into_string())),
        "tool_use" => {
            let arguments = block.input.map_or("{}", RawValue::get);
            if &*block.name == ANSWER_TOOL {
                text.push_str(arguments);
            } else if block.id.is_empty() || block.name.is_empty() {
                return Err(AnswerError::Malformed("a call of a tool has no id or no name".to_owned()));
            } else {
                let (id, name) = (block.id.into_string(), block.name.into_string());
                message.tool_calls.push(ToolCall { id, name, arguments: arguments.to_owned(), signature: None });
            }
        }
        _ => {}
    }
    Ok(())
}
