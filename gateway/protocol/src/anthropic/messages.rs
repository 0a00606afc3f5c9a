//! The conversation: instructions apart, and messages of user and assistant in turns.

use std::borrow::Cow;

use super::{
    Options,
    block::{Block, Content, Input, Message, Role},
    content::{Place, block},
};
use crate::chat::{
    AssistantMessage, CachePoint, ChatRequest, Conversation, ConvertError, Dropped, Part, Reasoning, Target, ToolCall, Turn,
    TurnItem, is_blank,
};

/// The instructions: one text, unless parts of them are to be cached.
pub(super) fn system<'a>(conversation: &Conversation<'a>, dropped: &mut Dropped) -> Result<Option<Content<'a>>, ConvertError> {
    let mut blocks = Vec::new();
    for part in &conversation.system {
        match part {
            Part::Text(text) => blocks.push(Block::text(text)),
            Part::CachePoint(point) => mark(&mut blocks, point, dropped),
            _ => return Err(ConvertError::unsupported("messages", "Instructions take text only with this provider.")),
        }
    }
    let plain: Option<Vec<&str>> = blocks.iter().map(as_plain_text).collect();
    Ok(match plain.as_deref() {
        Some([]) => None,
        Some(texts) => Some(Content::Text(Cow::Owned(texts.join("\n")))),
        None => Some(Content::Blocks(blocks)),
    })
}

fn as_plain_text<'a>(block: &Block<'a>) -> Option<&'a str> {
    match block {
        Block::Text { text, cache_control: None } => Some(text),
        _ => None,
    }
}

/// The messages, which begin with the user and end with the user or with the beginning of the answer.
pub(super) fn messages<'a>(
    conversation: &Conversation<'a>,
    request: &'a ChatRequest,
    target: &Target<'_>,
    options: &Options<'_>,
    dropped: &mut Dropped,
) -> Result<Vec<Message<'a>>, ConvertError> {
    let mut messages = Vec::with_capacity(conversation.turns.len());
    for turn in &conversation.turns {
        let (role, blocks) = match turn {
            Turn::User(items) => (Role::User, user(items, target, options, dropped)?),
            Turn::Assistant(said) => (Role::Assistant, assistant(said, dropped)?),
        };
        if !blocks.is_empty() {
            messages.push((role, blocks));
        }
    }
    match messages.last_mut() {
        None => {
            let message = "There is nothing to answer; accepted: a message of the user that is not blank.";
            return Err(ConvertError::unsupported("messages", message));
        }
        Some((Role::Assistant, _)) if !target.capabilities.prefill.is_yes() => {
            let last = request.messages.len().saturating_sub(1);
            let message =
                "This model does not continue an answer that was begun; accepted: a message of the user or of a tool at the end.";
            return Err(ConvertError::unsupported(format!("messages[{last}]"), message));
        }
        Some((Role::Assistant, blocks)) => {
            // The beginning of an answer must not end with white space.
            if let Some(Block::Text { text, .. }) = blocks.last_mut() {
                *text = text.trim_end();
            }
        }
        Some((Role::User, _)) => {}
    }
    Ok(messages.into_iter().map(|(role, blocks)| Message { role, content: Content::of(blocks) }).collect())
}

/// The user's turn. What tools returned must stand first.
fn user<'a>(
    items: &[TurnItem<'a>],
    target: &Target<'_>,
    options: &Options<'_>,
    dropped: &mut Dropped,
) -> Result<Vec<Block<'a>>, ConvertError> {
    let mut blocks = Vec::with_capacity(items.len());
    for item in items {
        if let TurnItem::ToolResult { call_id, content, at } = *item {
            blocks.push(tool_result(call_id, content, at, target, options)?);
        }
    }
    for item in items {
        if let TurnItem::Part { part, at: (message, place) } = *item {
            match part {
                Part::CachePoint(point) => mark(&mut blocks, point, dropped),
                _ => blocks.extend(block(part, Place { message, part: place }, target, options)?),
            }
        }
    }
    Ok(blocks)
}

fn tool_result<'a>(
    call_id: &'a str,
    content: &'a [Part],
    message: usize,
    target: &Target<'_>,
    options: &Options<'_>,
) -> Result<Block<'a>, ConvertError> {
    let mut blocks = Vec::with_capacity(content.len());
    let mut point = None;
    for (part, what) in content.iter().enumerate().filter(|(_, part)| !is_blank(part)) {
        match what {
            Part::CachePoint(cache) => point = Some(cache),
            _ => blocks.extend(block(what, Place { message, part }, target, options)?),
        }
    }
    let content = (!blocks.is_empty()).then(|| Content::of(blocks));
    let mut result = Block::ToolResult { tool_use_id: tool_id(call_id), content, cache_control: None };
    if let Some(point) = point {
        result.cache(point);
    }
    Ok(result)
}

/// The model's turn. Its thoughts go back verbatim, signed, and before what it said; unsigned ones would be refused.
fn assistant<'a>(said: &[&'a AssistantMessage], dropped: &mut Dropped) -> Result<Vec<Block<'a>>, ConvertError> {
    let mut blocks = Vec::new();
    for thought in said.iter().flat_map(|message| &message.reasoning) {
        match thought {
            Reasoning::Text { text, signature: Some(signature) } => blocks.push(Block::Thinking { thinking: text, signature }),
            Reasoning::Text { .. } => dropped.note("reasoning_content"),
            Reasoning::Redacted(data) => blocks.push(Block::RedactedThinking { data }),
        }
    }
    for message in said {
        for part in message.content.iter().filter(|part| !is_blank(part)) {
            match part {
                Part::Text(text) => blocks.push(Block::text(text)),
                Part::CachePoint(point) => mark(&mut blocks, point, dropped),
                _ => return Err(ConvertError::unsupported("messages", "A message of the assistant takes text only.")),
            }
        }
        let refusal = message.refusal.as_deref().filter(|text| !text.trim().is_empty());
        blocks.extend(refusal.map(Block::text));
        blocks.extend(message.tool_calls.iter().map(tool_use));
    }
    Ok(blocks)
}

fn tool_use(call: &ToolCall) -> Block<'_> {
    // `arguments_object` gives an object or `{}`, so that the fallback is the same value.
    let input = serde_json::from_str(call.arguments_object()).map_or(Input::Empty, Input::Object);
    Block::ToolUse { id: tool_id(&call.id), name: &call.name, input, cache_control: None }
}

/// The id of a call in the alphabet that this API takes; ids of other providers may hold more.
fn tool_id(id: &str) -> Cow<'_, str> {
    let is_legal = |symbol: char| symbol.is_ascii_alphanumeric() || matches!(symbol, '_' | '-');
    if id.chars().all(is_legal) { Cow::Borrowed(id) } else { Cow::Owned(id.replace(|symbol| !is_legal(symbol), "_")) }
}

fn mark<'a>(blocks: &mut [Block<'a>], point: &'a CachePoint, dropped: &mut Dropped) {
    if !blocks.last_mut().is_some_and(|block| block.cache(point)) {
        dropped.note("cache_control");
    }
}
