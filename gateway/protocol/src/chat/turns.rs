//! A conversation for dialects in which user and assistant take turns.
//!
//! Anthropic, Bedrock and Gemini take the instructions apart from the conversation and want roles to alternate. So instructions are lifted
//! out, neighbours of one role are merged, and all results of the tools that one turn called stand in the one user turn after it. Blank
//! texts, which Anthropic and Bedrock refuse, are left out.

use super::{AssistantMessage, ChatRequest, Message, Part};

/// A conversation, by turns.
#[derive(Debug, Clone, Default)]
pub struct Conversation<'a> {
    /// All instructions, in order.
    pub system: Vec<&'a Part>,
    /// The turns: user and assistant alternate.
    pub turns: Vec<Turn<'a>>,
}

/// One turn; never empty.
#[derive(Debug, Clone)]
pub enum Turn<'a> {
    /// The user's, with what tools returned.
    User(Vec<TurnItem<'a>>),
    /// The model's: what were neighbouring messages of it.
    Assistant(Vec<&'a AssistantMessage>),
}

/// A part of a user's turn.
#[derive(Debug, Clone, Copy)]
pub enum TurnItem<'a> {
    /// Something the user says. `path` is where it stands: message and part.
    Part {
        /// The part.
        part: &'a Part,
        /// The number of the message and of the part in it, for error messages.
        at: (usize, usize),
    },
    /// What a tool returned.
    ToolResult {
        /// Which call it answers.
        call_id: &'a str,
        /// What it returned.
        content: &'a [Part],
        /// The number of the message, for error messages.
        at: usize,
    },
}

impl<'a> Conversation<'a> {
    /// The conversation of `request`.
    #[must_use]
    pub fn of(request: &'a ChatRequest) -> Self {
        let mut conversation = Self::default();
        for (number, message) in request.messages.iter().enumerate() {
            match message {
                Message::System(parts) => conversation.system.extend(parts.iter().filter(|part| !is_blank(part))),
                Message::User(parts) => {
                    let items = parts.iter().enumerate().filter(|(_, part)| !is_blank(part));
                    let items: Vec<_> = items.map(|(place, part)| TurnItem::Part { part, at: (number, place) }).collect();
                    conversation.user(items);
                }
                Message::Tool { call_id, content } => {
                    conversation.user(vec![TurnItem::ToolResult { call_id, content, at: number }]);
                }
                Message::Assistant(message) if is_empty(message) => {}
                Message::Assistant(message) => match conversation.turns.last_mut() {
                    Some(Turn::Assistant(messages)) => messages.push(message),
                    _ => conversation.turns.push(Turn::Assistant(vec![message])),
                },
            }
        }
        conversation
    }

    /// Whether any turn called a tool or holds what one returned: some dialects then demand that tools be declared.
    #[must_use]
    pub fn uses_tools(&self) -> bool {
        self.turns.iter().any(|turn| match turn {
            Turn::User(items) => items.iter().any(|item| matches!(item, TurnItem::ToolResult { .. })),
            Turn::Assistant(messages) => messages.iter().any(|message| !message.tool_calls.is_empty()),
        })
    }

    fn user(&mut self, items: Vec<TurnItem<'a>>) {
        match self.turns.last_mut() {
            _ if items.is_empty() => {}
            Some(Turn::User(before)) => before.extend(items),
            _ => self.turns.push(Turn::User(items)),
        }
    }
}

/// Whether a part is a text of nothing but white space.
pub(crate) fn is_blank(part: &Part) -> bool {
    matches!(part, Part::Text(text) if text.trim().is_empty())
}

fn is_empty(message: &AssistantMessage) -> bool {
    message.tool_calls.is_empty()
        && message.reasoning.is_empty()
        && message.refusal.is_none()
        && message.content.iter().all(is_blank)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::ToolCall;

    fn text(text: &str) -> Vec<Part> {
        vec![Part::Text(text.to_owned())]
    }

    #[test]
    fn roles_alternate_and_results_of_one_turn_stay_together() {
        let call = |id: &str| ToolCall { id: id.into(), name: "f".into(), arguments: "{}".into(), signature: None };
        let calls = AssistantMessage { tool_calls: vec![call("a"), call("b")], ..AssistantMessage::default() };
        let messages = vec![
            Message::System(text("one")),
            Message::User(text("x")),
            Message::User(text(" ")),
            Message::User(text("y")),
            Message::Assistant(calls),
            Message::Tool { call_id: "a".into(), content: text("1") },
            Message::Tool { call_id: "b".into(), content: text("2") },
            Message::System(text("two")),
            Message::User(text("z")),
            Message::Assistant(AssistantMessage::default()),
        ];
        let request = ChatRequest { messages, ..ChatRequest::default() };
        let conversation = Conversation::of(&request);
        assert_eq!(conversation.system.len(), 2);
        assert!(conversation.uses_tools());
        let shape = conversation.turns.iter().map(|turn| match turn {
            Turn::User(items) => ("user", items.len()),
            Turn::Assistant(messages) => ("assistant", messages.len()),
        });
        assert_eq!(shape.collect::<Vec<_>>(), [("user", 2), ("assistant", 1), ("user", 3)]);
    }
}
