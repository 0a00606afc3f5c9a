//! What Bedrock demands of a conversation beyond the service model: whose turn it is, and which call a result answers.

use std::collections::HashSet;

use serde_json::Value;

use super::super::error::AwsError;
use crate::scene::sealed;
use crate::shape::Look;

/// A block of a message and where it is, as in `messages.0.content.2`.
struct Block<'a> {
    at: String,
    turn: Turn,
    kind: &'a str,
    value: &'a Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    User,
    Assistant,
}

/// Checks a body that has the right shape.
pub(super) fn check(body: &Value) -> Result<(), AwsError> {
    let invalid = |message: String| Err(AwsError::validation(message));
    let messages = body.look("messages").elements();
    if messages.is_empty() {
        return invalid("The messages field is empty. Add a message and try again.".into());
    }
    let mut expected = Turn::User;
    // What the turn before called; every call is answered in the turn that follows.
    let mut open: Vec<&str> = Vec::new();
    let mut used = HashSet::new();
    for (number, message) in messages.iter().enumerate() {
        let turn = if message.look("role") == "user" { Turn::User } else { Turn::Assistant };
        if number == 0 && turn == Turn::Assistant {
            return invalid(
                "A conversation must start with a user message. Try again with a conversation that starts with a user message."
                    .into(),
            );
        }
        if turn != expected {
            return invalid("A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.".into());
        }
        expected = if turn == Turn::User { Turn::Assistant } else { Turn::User };
        let blocks = blocks(number, turn, message);
        if blocks.is_empty() {
            return invalid(format!(
                "The content field in the Message object at messages.{number} is empty. Add a ContentBlock object to the content field and try again."
            ));
        }
        for block in &blocks {
            check_block(block)?;
        }
        results(number, &blocks, &open)?;
        open = blocks
            .iter()
            .filter(|block| block.kind == "toolUse")
            .filter_map(|block| block.value.look("toolUseId").as_str())
            .collect();
        if let Some(twice) = open.iter().find(|id| !used.insert(**id)) {
            return invalid(format!("messages.{number}: `toolUse` ids must be unique, and {twice} is not."));
        }
        let has_tools = blocks.iter().any(|block| ["toolUse", "toolResult"].contains(&block.kind));
        if has_tools && body.look("toolConfig").is_null() {
            return invalid("The toolConfig field must be defined when using toolUse and toolResult content blocks.".into());
        }
    }
    match expected {
        Turn::Assistant => Ok(()),
        Turn::User => invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message.".into(),
        ),
    }
}

fn blocks(number: usize, turn: Turn, message: &Value) -> Vec<Block<'_>> {
    let found = message.look("content").elements().iter().enumerate().filter_map(|(index, value)| {
        let (kind, value) = value.as_object()?.iter().find(|(_, value)| !value.is_null())?;
        Some(Block { at: format!("messages.{number}.content.{index}"), turn, kind, value })
    });
    found.collect()
}

fn check_block(block: &Block<'_>) -> Result<(), AwsError> {
    let Block { at, turn, kind, value } = block;
    let invalid = |message: String| Err(AwsError::validation(message));
    let wrong_turn = match *kind {
        "toolUse" | "reasoningContent" => *turn == Turn::User,
        "toolResult" | "image" | "document" | "video" | "audio" => *turn == Turn::Assistant,
        _ => false,
    };
    if wrong_turn {
        return invalid(format!("The {kind} block at {at} is not allowed in a message of this role."));
    }
    match *kind {
        "text" if value.as_str().is_some_and(|text| text.trim().is_empty()) => invalid(format!(
            "The text field in the ContentBlock object at {at} is blank. Add text to the text field, and try again."
        )),
        "toolUse" if !value.look("input").is_object() => invalid(format!(
            "The format of the value at {at}.toolUse.input is invalid. Provide a json object for the field and try again."
        )),
        "reasoningContent" if !genuine(value) => {
            invalid(format!("The model returned the following errors: {at}: Invalid `signature` in `thinking` block"))
        }
        _ => Ok(()),
    }
}

/// Whether a thought that is played back is what the model thought.
fn genuine(reasoning: &Value) -> bool {
    match reasoning.get("reasoningText").filter(|text| !text.is_null()) {
        Some(thought) => {
            sealed(thought.look("text").as_str().unwrap_or_default(), thought.look("signature").as_str().unwrap_or_default())
        }
        None => true,
    }
}

/// The results of a turn answer the calls of the turn before, each once.
fn results(number: usize, blocks: &[Block<'_>], open: &[&str]) -> Result<(), AwsError> {
    let invalid = |message: String| Err(AwsError::validation(message));
    let given: Vec<_> = blocks
        .iter()
        .filter(|block| block.kind == "toolResult")
        .filter_map(|block| block.value.look("toolUseId").as_str())
        .collect();
    let missing: Vec<_> = open.iter().filter(|id| !given.contains(id)).copied().collect();
    if !missing.is_empty() {
        return invalid(format!(
            "Expected toolResult blocks at messages.{number}.content for the following Ids: {}",
            missing.join(", ")
        ));
    }
    if given.len() > open.len() {
        return invalid(format!(
            "The number of toolResult blocks at messages.{number}.content exceeds the number of toolUse blocks of previous turn."
        ));
    }
    Ok(())
}
