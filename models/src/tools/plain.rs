//! Functions for a model whose template knows of none: told in the system's words, called and answered in plain text.

use std::borrow::Cow;

use super::{Calling, Tool, Toolbox};
use crate::template::{Message, Role};

/// The conversation, with all that concerns functions said in text.
pub(crate) fn told<'m>(messages: &'m [Message], toolbox: Option<&Toolbox>) -> Cow<'m, [Message]> {
    let has_calls = messages.iter().any(|message| message.role == Role::Tool || !message.calls.is_empty());
    if toolbox.is_none() && !has_calls {
        return Cow::Borrowed(messages);
    }
    let mut told: Vec<Message> = Vec::new();
    for message in messages {
        match (message.role, told.last_mut()) {
            // Many templates want turns to alternate.
            (Role::Tool, Some(last)) if last.role == Role::User && last.content.ends_with(RESPONSE_END) => {
                last.content.push('\n');
                last.content.push_str(&response(&message.content));
            }
            (Role::Tool, _) => told.push(Message::new(Role::User, response(&message.content))),
            _ => told.push(Message::new(message.role, with_calls(message))),
        }
    }
    if let Some(toolbox) = toolbox {
        let instruction = instruction(&toolbox.tools, toolbox.calling);
        match told.first_mut() {
            Some(first) if first.role == Role::System => first.content = format!("{}\n\n{instruction}", first.content),
            _ => told.insert(0, Message::new(Role::System, instruction)),
        }
    }
    Cow::Owned(told)
}

const RESPONSE_END: &str = "</tool_response>";

fn response(content: &str) -> String {
    format!("<tool_response>\n{content}\n{RESPONSE_END}")
}

/// What was said, and the calls behind it.
fn with_calls(message: &Message) -> String {
    let mut content = message.content.clone();
    for call in &message.calls {
        if !content.is_empty() {
            content.push('\n');
        }
        let name = serde_json::Value::from(call.name.as_str());
        content.push_str(&format!("<tool_call>\n{{\"name\": {name}, \"arguments\": {}}}\n</tool_call>", call.arguments));
    }
    content
}

/// What the model is told.
fn instruction(tools: &[Tool], calling: Calling) -> String {
    let mut instruction = String::from("You can call functions. Each is described by a line of JSON:\n");
    for tool in tools {
        instruction.push_str(&tool.function().to_string());
        instruction.push('\n');
    }
    instruction.push_str(
        "To call a function, write its name and its arguments like this:\n\
         <tool_call>\n{\"name\": \"the name\", \"arguments\": {\"an argument\": \"its value\"}}\n</tool_call>\n\
         Its result then stands between <tool_response> and </tool_response>.",
    );
    instruction.push_str(match calling {
        Calling::Possible => " Call a function only if it helps to answer; otherwise answer in words.",
        Calling::Required => " Call a function now.",
    });
    instruction
}
