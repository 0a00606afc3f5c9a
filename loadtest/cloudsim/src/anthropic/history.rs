//! What the messages must look like, and how they follow on each other.

use std::collections::BTreeSet;

use serde_json::Value;

use super::blocks;
use super::thinking::Thinking;
use super::version::Version;
use crate::json::{Object, Place};
use crate::refusal::Refusal;
use crate::scene::{Prompt, sealed};

/// Reads the messages; how many cache points they hold.
pub(super) fn read(body: &Object<'_>, version: Version, thinking: Thinking, prompt: &mut Prompt) -> Result<usize, Refusal> {
    let mut walk = Walk { version, thinking, prompt, points: 0, owed: BTreeSet::new() };
    let messages = body.filled_list("messages")?;
    let last = messages.len() - 1;
    for (index, place) in messages.iter().enumerate() {
        let message = place.object()?;
        message.only(&["role", "content"])?;
        match message.one_of("role", &["user", "assistant"])? {
            Some("user") => walk.user(&message)?,
            Some(_) if index == 0 => return Err(message.wrong("role", "must be 'user' in the first message")),
            // What tools were called for is only of interest where the answer goes on from them.
            Some(_) => walk.assistant(&message, if index + 2 > last { Turn::Current } else { Turn::Past })?,
            None => return Err(message.wrong("role", "is required")),
        }
    }
    if let Some(id) = walk.owed.first() {
        return Err(body.wrong("messages", &format!("hold the tool_use id {id:?} without a tool_result block after it")));
    }
    Ok(walk.points)
}

struct Walk<'p> {
    version: Version,
    thinking: Thinking,
    prompt: &'p mut Prompt,
    points: usize,
    /// Calls that the next message must answer.
    owed: BTreeSet<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Past,
    Current,
}

impl Walk<'_> {
    fn user(&mut self, message: &Object<'_>) -> Result<(), Refusal> {
        self.prompt.results.clear();
        let mut began = false;
        for place in content(message, self.prompt)? {
            let block = place.object()?;
            self.points += blocks::cache_point(&block)?;
            let kind = block.required_text("type")?;
            if kind == "tool_result" {
                let id = block.required_text("tool_use_id")?;
                if began {
                    return Err(block.wrong("type", "'tool_result' blocks must come before all others"));
                }
                if !self.owed.remove(id) {
                    return Err(block.wrong("tool_use_id", "answers no tool_use block of the message before"));
                }
                let result = blocks::result(&block, self.prompt)?;
                self.prompt.results.push(result);
                continue;
            }
            began = true;
            match kind {
                "text" => {
                    if self.version == Version::V2026
                        && block.get("citations").and_then(Value::as_array).is_some_and(|list| !list.is_empty())
                    {
                        return Err(block.wrong("citations", "are not permitted in a user message"));
                    }
                    self.prompt.say(blocks::text(&block, &["citations"])?);
                }
                "image" => self.prompt.images.push(blocks::image(&block)?),
                "document" => self.prompt.say(&blocks::document(&block)?),
                _ => return Err(block.wrong("type", "must be the type of a block in a user message")),
            }
        }
        self.settled(message)
    }

    fn assistant(&mut self, message: &Object<'_>, turn: Turn) -> Result<(), Refusal> {
        self.settled(message)?;
        self.prompt.results.clear();
        let mut thought = false;
        for place in content(message, self.prompt)? {
            let block = place.object()?;
            self.points += blocks::cache_point(&block)?;
            match block.required_text("type")? {
                "thinking" => {
                    block.only(&["type", "thinking", "signature"])?;
                    if !sealed(block.required_text("thinking")?, block.required_text("signature")?) {
                        return Err(block.wrong("signature", "is no valid signature of the `thinking` block"));
                    }
                    thought = true;
                }
                "redacted_thinking" => {
                    block.only(&["type", "data"])?;
                    block.required_text("data")?;
                    thought = true;
                }
                "text" => self.prompt.say(blocks::text(&block, &["citations"])?),
                "tool_use" => {
                    if self.thinking == Thinking::Budget && turn == Turn::Current && !thought {
                        return Err(
                            block.wrong("type", "must not be 'tool_use' before a `thinking` block, while thinking is enabled")
                        );
                    }
                    self.call(&block)?;
                }
                "document" if self.version != Version::V2026 => self.prompt.say(&blocks::document(&block)?),
                kind if kind.starts_with("server_tool") || kind.ends_with("_tool_result") => {}
                _ => return Err(block.wrong("type", "must be the type of a block in an assistant message")),
            }
        }
        Ok(())
    }

    fn call(&mut self, block: &Object<'_>) -> Result<(), Refusal> {
        block.only(&["type", "id", "name", "input", "cache_control", "caller"])?;
        let id = block.required_text("id")?;
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
            return Err(block.wrong("id", "should match pattern '^[a-zA-Z0-9_-]+$'"));
        }
        block.required_text("name")?;
        block.required_object("input")?;
        if !self.owed.insert(id.to_owned()) {
            return Err(block.wrong("id", "must be unique"));
        }
        self.prompt.calls_before += 1;
        Ok(())
    }

    /// Whether everything that was owed has been given.
    fn settled(&self, message: &Object<'_>) -> Result<(), Refusal> {
        match self.owed.first() {
            None => Ok(()),
            Some(id) => Err(message.wrong("content", &format!("must answer the tool_use id {id:?} with a tool_result block"))),
        }
    }
}

/// The blocks of a message. One that is a text alone is said at once.
fn content<'a>(message: &Object<'a>, prompt: &mut Prompt) -> Result<Vec<Place<'a>>, Refusal> {
    let content = message.required("content")?;
    match content.value.as_str() {
        Some(text) if text.trim().is_empty() => Err(message.wrong("content", "must be non-empty")),
        Some(text) => {
            prompt.say(text);
            Ok(Vec::new())
        }
        None => message.filled_list("content"),
    }
}
