//! How hard to think, in the words of each family.

use super::{
    Family,
    additional::{Additional, Field},
};
use crate::{
    Reasoning as Manner,
    chat::{ChatRequest, Dropped, Effort, Message, Reasoning, Target},
};

/// The least that Claude takes as a budget.
const LEAST_BUDGET: u64 = 1024;

/// What is asked for beside the budget of thought where neither the caller nor the model's description gives a limit.
const USUAL_ANSWER: u64 = 4096;

/// What thinking demands of the rest of the request.
#[derive(Debug, Default)]
pub(super) struct Thinking {
    /// The level for `outputConfig.effort`.
    pub(super) effort: Option<&'static str>,
    /// The limit of tokens that the budget makes necessary, where the caller gave none.
    pub(super) max_tokens: Option<u64>,
    /// Whether the model thinks, so that sampling cannot be chosen.
    pub(super) fixes_sampling: bool,
}

/// Puts `reasoning_effort`, or the caller's own `thinking`, where the model's family wants it. Whoever `must_call` a tool may have no room
/// to think.
pub(super) fn thinking<'a>(
    request: &'a ChatRequest,
    target: &Target<'_>,
    must_call: bool,
    additional: &mut Additional<'a>,
    dropped: &mut Dropped,
) -> Thinking {
    let family = Family::of(target.model);
    if let Some(own) = request.extensions.get("thinking").filter(|_| family == Family::Claude) {
        additional.set("thinking", Field::Raw(own));
        dropped.note_if(&request.reasoning_effort, "reasoning_effort");
        return Thinking { fixes_sampling: !own.get().contains("\"disabled\""), ..Thinking::default() };
    }
    let Some(effort) = request.reasoning_effort else { return Thinking::default() };
    match (family, target.capabilities.reasoning) {
        (Family::Claude, Manner::Effort) => adaptive(effort, additional),
        (Family::Claude, Manner::Budget) if must_call => {
            dropped.note("reasoning_effort");
            Thinking::default()
        }
        (Family::Claude, Manner::Budget) => budget(effort, request, target, additional, dropped),
        (Family::Nova, Manner::Effort | Manner::Budget) => {
            let fields = match level(effort) {
                None => Field::object([("type", Field::Word("disabled"))]),
                Some(level) => Field::object([("type", Field::Word("enabled")), ("maxReasoningEffort", Field::Word(level))]),
            };
            additional.set("reasoningConfig", fields);
            Thinking::default()
        }
        (Family::OpenAi, Manner::Effort | Manner::Budget) => {
            // The least that these models can.
            additional.set("reasoning_effort", Field::Word(level(effort).unwrap_or("low")));
            Thinking::default()
        }
        _ => {
            dropped.note("reasoning_effort");
            Thinking::default()
        }
    }
}

/// The three levels that most models know; none for not at all.
const fn level(effort: Effort) -> Option<&'static str> {
    match effort {
        Effort::None => None,
        Effort::Minimal | Effort::Low => Some("low"),
        Effort::Medium => Some("medium"),
        Effort::High | Effort::XHigh | Effort::Max => Some("high"),
    }
}

/// Newer models of Claude decide for themselves how much to think at a level of effort.
fn adaptive(effort: Effort, additional: &mut Additional<'_>) -> Thinking {
    let level = match effort {
        Effort::None => {
            additional.set("thinking", Field::object([("type", Field::Word("disabled"))]));
            return Thinking::default();
        }
        Effort::XHigh => "xhigh",
        Effort::Max => "max",
        other => level(other).unwrap_or("low"),
    };
    additional.set("thinking", Field::object([("type", Field::Word("adaptive"))]));
    Thinking { effort: Some(level), max_tokens: None, fixes_sampling: true }
}

/// Older models of Claude take a number of tokens, which must stay below the limit of the whole answer. They cannot think where a call
/// stands in the conversation without the thoughts that led to it.
fn budget(
    effort: Effort,
    request: &ChatRequest,
    target: &Target<'_>,
    additional: &mut Additional<'_>,
    dropped: &mut Dropped,
) -> Thinking {
    let wanted = match effort {
        Effort::None => return Thinking::default(),
        Effort::Minimal | Effort::Low => 1024,
        Effort::Medium => 2048,
        Effort::High => 4096,
        Effort::XHigh => 8192,
        Effort::Max => 16_384,
    };
    let limit = request.max_tokens;
    let budget = limit.map_or(wanted, |limit| wanted.min(limit.saturating_sub(1)));
    if budget < LEAST_BUDGET || calls_without_thoughts(request) {
        dropped.note("reasoning_effort");
        return Thinking::default();
    }
    additional.set("thinking", Field::object([("type", Field::Word("enabled")), ("budget_tokens", Field::Number(budget))]));
    let max_tokens = limit.is_none().then(|| {
        let most = target.capabilities.max_output.unwrap_or(u64::MAX);
        budget.saturating_add(USUAL_ANSWER).min(most)
    });
    Thinking { effort: None, max_tokens, fixes_sampling: true }
}

fn calls_without_thoughts(request: &ChatRequest) -> bool {
    let last = request.messages.iter().rev().find_map(|message| match message {
        Message::Assistant(message) => Some(message),
        _ => None,
    });
    let is_signed = |thought: &Reasoning| !matches!(thought, Reasoning::Text { signature: None, .. });
    last.is_some_and(|message| !message.tool_calls.is_empty() && !message.reasoning.iter().any(is_signed))
}
