//! The conversation, by turns.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    ToolNames,
    body::{Block, Message, ReasoningContent},
    content::{Blocks, cache_point},
};
use crate::chat::{AssistantMessage, Conversation, ConvertError, Part, Reasoning, ToolCall, Turn, TurnItem};

/// The longest id of a call.
const LONGEST_ID: usize = 64;

/// The instructions.
pub(super) fn system<'a>(conversation: &Conversation<'a>) -> Result<Vec<Block<'a>>, ConvertError> {
    let block = |part: &&'a Part| match part {
        Part::Text(text) => Ok(Block::Text(text)),
        Part::CachePoint(point) => Ok(cache_point(point)),
        _ => Err(ConvertError::unsupported("messages", "Amazon Bedrock takes only text in `system` and `developer` messages.")),
    };
    conversation.system.iter().map(block).collect()
}

/// The turns.
pub(super) fn messages<'a>(
    conversation: &Conversation<'a>,
    names: &'a ToolNames,
    blocks: &mut Blocks<'_>,
) -> Result<Vec<Message<'a>>, ConvertError> {
    let prefill = blocks.capabilities.prefill;
    match (conversation.turns.first(), conversation.turns.last()) {
        (None | Some(Turn::Assistant(_)), _) => {
            let message = "Amazon Bedrock wants a conversation to begin with a message of the user that is not blank.";
            return Err(ConvertError::unsupported("messages", message));
        }
        (_, Some(Turn::Assistant(_))) if !prefill.is_yes() => {
            let message = "This model does not continue a message of the assistant: end the conversation with one of the user.";
            return Err(ConvertError::unsupported("messages", message));
        }
        _ => {}
    }
    let turns = conversation.turns.iter();
    let turn = |turn: &Turn<'a>| match turn {
        Turn::User(items) => Ok(Message { role: "user", content: user(items, blocks)? }),
        Turn::Assistant(said) => {
            let mut content = Vec::new();
            for message in said {
                assistant(message, names, &mut content)?;
            }
            Ok(Message { role: "assistant", content })
        }
    };
    // A turn may hold nothing that Bedrock takes, such as thoughts without a signature.
    let turns: Result<Vec<_>, ConvertError> = turns.map(turn).collect();
    Ok(turns?.into_iter().filter(|message| !message.content.is_empty()).collect())
}

fn user<'a>(items: &[TurnItem<'a>], blocks: &mut Blocks<'_>) -> Result<Vec<Block<'a>>, ConvertError> {
    let mut content = Vec::with_capacity(items.len());
    for item in items {
        content.push(match *item {
            TurnItem::Part { part, at: (message, place) } => {
                blocks.of(part, || format!("messages[{message}].content[{place}]"))?
            }
            TurnItem::ToolResult { call_id, content, at } => {
                let parts = content.iter().enumerate().filter(|(_, part)| !crate::chat::is_blank(part));
                let parts = parts.filter(|(_, part)| !matches!(part, Part::CachePoint(_)));
                let results = parts.map(|(place, part)| blocks.of(part, || format!("messages[{at}].content[{place}]")));
                Block::ToolResult { tool_use_id: legal_id(call_id), content: results.collect::<Result<_, _>>()? }
            }
        });
    }
    Ok(content)
}

/// Thoughts first, for Claude wants them before all else of a turn, and only those that are signed: others are refused.
fn assistant<'a>(message: &'a AssistantMessage, names: &'a ToolNames, content: &mut Vec<Block<'a>>) -> Result<(), ConvertError> {
    content.extend(message.reasoning.iter().filter_map(|thought| match thought {
        Reasoning::Text { text, signature: Some(signature) } => {
            Some(Block::ReasoningContent(ReasoningContent::ReasoningText { text, signature }))
        }
        Reasoning::Text { signature: None, .. } => None,
        Reasoning::Redacted(data) => Some(Block::ReasoningContent(ReasoningContent::RedactedContent(data))),
    }));
    for part in message.content.iter().filter(|part| !crate::chat::is_blank(part)) {
        match part {
            Part::Text(text) => content.push(Block::Text(text)),
            Part::CachePoint(point) => content.push(cache_point(point)),
            _ => {
                return Err(ConvertError::unsupported(
                    "messages",
                    "Amazon Bedrock takes only text in messages of the assistant.",
                ));
            }
        }
    }
    content.extend(message.refusal.as_deref().filter(|refusal| !refusal.trim().is_empty()).map(Block::Text));
    for call in &message.tool_calls {
        content.push(tool_use(call, names)?);
    }
    Ok(())
}

fn tool_use<'a>(call: &'a ToolCall, names: &'a ToolNames) -> Result<Block<'a>, ConvertError> {
    let input: &RawValue = serde_json::from_str(call.arguments_object())
        .map_err(|error| ConvertError::invalid("messages", format!("The arguments of the tool call `{}`: {error}.", call.id)))?;
    Ok(Block::ToolUse { tool_use_id: legal_id(&call.id), name: names.sent(&call.name), input })
}

/// A call's id as Bedrock takes it: up to 64 letters, digits and `_.:-`. Calls and results are changed alike, so that they still match.
fn legal_id(id: &str) -> Cow<'_, str> {
    let is_legal = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | ':' | '-');
    if (1..=LONGEST_ID).contains(&id.len()) && id.chars().all(is_legal) {
        return Cow::Borrowed(id);
    }
    let legal: String = id.chars().map(|char| if is_legal(char) { char } else { '_' }).collect();
    // What tells ids apart often stands at their end.
    let end = legal.get(legal.len().saturating_sub(LONGEST_ID)..).unwrap_or_default();
    Cow::Owned(if end.is_empty() { "_".to_owned() } else { end.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_calls_are_made_legal() {
        assert_eq!(legal_id("call_1.a:b-c"), "call_1.a:b-c");
        assert_eq!(legal_id("a b/ü"), "a_b__");
        assert_eq!(legal_id(""), "_");
        assert_eq!(legal_id(&format!("{}end", "x".repeat(99))), format!("{}end", "x".repeat(61)));
    }
}
