//! How the model is told to think, and how many tokens it may make, which thoughts count towards.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::block::Role;
use crate::{
    Reasoning,
    chat::{self, ChatRequest, Conversation, ConvertError, Dropped, Effort, Target, Turn},
};

/// What an answer may have where neither the caller nor the model's description says: this API demands a limit.
const DEFAULT_MAX_TOKENS: u64 = 4096;

/// The least budget of thought that is accepted.
const LEAST_BUDGET: u64 = 1024;

/// The members that have to do with thought.
#[derive(Debug)]
pub(super) struct Thinking<'a> {
    pub(super) member: Option<Member<'a>>,
    /// The level for `output_config`.
    pub(super) effort: Option<Effort>,
    pub(super) max_tokens: u64,
}

/// The member `thinking`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Member<'a> {
    Written(&'a RawValue),
    Told(Told),
}

/// A way to think.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Told {
    Adaptive,
    Enabled { budget_tokens: u64 },
}

/// What leaves no room to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// The model may think first.
    Free,
    /// It must call a tool, or go on with an answer that was begun.
    None,
}

impl<'a> Thinking<'a> {
    /// What `request` asks for, as far as the model can do it.
    pub(super) fn of(
        request: &'a ChatRequest,
        history: &Conversation<'a>,
        room: Room,
        target: &Target<'_>,
        dropped: &mut Dropped,
    ) -> Result<Self, ConvertError> {
        let limit = request.max_tokens.or(target.capabilities.max_output);
        let plain = |effort| Self { member: None, effort, max_tokens: limit.unwrap_or(DEFAULT_MAX_TOKENS) };
        let by_effort = target.capabilities.reasoning == Reasoning::Effort;
        let effort = request.reasoning_effort.filter(|_| by_effort);
        if let Some(raw) = request.extensions.get("thinking").filter(|raw| raw.get() != "null") {
            let written = Written::read(raw)?;
            if written.is_on() && room == Room::None {
                dropped.note("thinking");
                return Ok(plain(effort));
            }
            let max_tokens = limit.unwrap_or_else(|| DEFAULT_MAX_TOKENS.saturating_add(written.budget_tokens.unwrap_or(0)));
            return Ok(Self { member: Some(Member::Written(raw)), effort, max_tokens });
        }
        match (request.reasoning_effort, target.capabilities.reasoning) {
            (None, _) | (Some(Effort::None), Reasoning::Budget | Reasoning::None) => Ok(plain(None)),
            (Some(Effort::None), Reasoning::Effort) => {
                // Some of these models always think, and refuse to be told not to: the least effort is what all of them take.
                dropped.note("reasoning_effort");
                Ok(plain(effort))
            }
            (Some(_), Reasoning::Effort) => {
                let member = (room == Room::Free).then_some(Member::Told(Told::Adaptive));
                Ok(Self { member, ..plain(effort) })
            }
            (Some(effort), Reasoning::Budget) if room == Room::Free && !resumes_unthought(history) => {
                let scale = budget(effort);
                match limit {
                    // Half of the limit at least is left for the answer.
                    Some(limit) if limit > LEAST_BUDGET => {
                        let budget_tokens = scale.min((limit / 2).max(LEAST_BUDGET));
                        Ok(Self { member: Some(Member::Told(Told::Enabled { budget_tokens })), effort: None, max_tokens: limit })
                    }
                    Some(_) => {
                        dropped.note("reasoning_effort");
                        Ok(plain(None))
                    }
                    None => {
                        let member = Some(Member::Told(Told::Enabled { budget_tokens: scale }));
                        Ok(Self { member, effort: None, max_tokens: DEFAULT_MAX_TOKENS + scale })
                    }
                }
            }
            (Some(_), Reasoning::Budget | Reasoning::None) => {
                dropped.note("reasoning_effort");
                Ok(plain(None))
            }
        }
    }

    /// Whether the model thinks, so that sampling is not the caller's.
    pub(super) fn is_on(&self) -> bool {
        match &self.member {
            Some(Member::Told(_)) => true,
            Some(Member::Written(raw)) => Written::read(raw).is_ok_and(|written| written.is_on()),
            None => false,
        }
    }
}

/// What a caller wrote as `thinking`.
#[derive(Debug, Deserialize)]
struct Written {
    r#type: String,
    budget_tokens: Option<u64>,
}

impl Written {
    fn read(raw: &RawValue) -> Result<Self, ConvertError> {
        serde_json::from_str(raw.get()).map_err(|_| {
            let message = "`thinking` must be an object such as {\"type\": \"adaptive\"} or {\"type\": \"enabled\", \"budget_tokens\": 2048}.";
            ConvertError::invalid("thinking", message)
        })
    }

    fn is_on(&self) -> bool {
        self.r#type != "disabled"
    }
}

/// Tokens of thought for a level: each twice the one before, from the least that is accepted.
const fn budget(effort: Effort) -> u64 {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => LEAST_BUDGET,
        Effort::Medium => 2048,
        Effort::High => 4096,
        Effort::XHigh => 8192,
        Effort::Max => 16384,
    }
}

/// Whether tools have just answered a turn that shows no signed thought: a model with a budget refuses to think on from there.
fn resumes_unthought(history: &Conversation<'_>) -> bool {
    let [.., Turn::Assistant(said), Turn::User(items)] = history.turns.as_slice() else {
        return false;
    };
    let is_result = |item: &chat::TurnItem<'_>| matches!(item, chat::TurnItem::ToolResult { .. });
    let is_signed = |thought: &chat::Reasoning| !matches!(thought, chat::Reasoning::Text { signature: None, .. });
    items.iter().any(is_result) && !said.iter().flat_map(|message| &message.reasoning).any(is_signed)
}

impl Room {
    /// What is left where a tool must be called, or where the last message is of `last`.
    pub(super) fn left(must_call: bool, last: Option<Role>) -> Self {
        if must_call || last == Some(Role::Assistant) { Self::None } else { Self::Free }
    }
}
