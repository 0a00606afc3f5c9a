//! Answers as they are read; an event of a stream has the same form. Fields that nothing is made of are skipped.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Usage, few::Few, text::Text};

/// `GenerateContentResponse`, or an error in its place.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub(super) candidates: Few<Candidate<'a>>,
    #[serde(borrow)]
    pub(super) prompt_feedback: Option<PromptFeedback<'a>>,
    pub(super) usage_metadata: Option<UsageMetadata>,
    #[serde(borrow)]
    pub(super) response_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

/// One of the answers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Candidate<'a> {
    #[serde(borrow)]
    pub(super) content: Option<Content<'a>>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<Text<'a>>,
    pub(super) index: Option<u32>,
    #[serde(borrow)]
    pub(super) logprobs_result: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content<'a> {
    #[serde(borrow)]
    pub(super) parts: Few<Part<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    /// Whether the text is a thought.
    pub(super) thought: Option<bool>,
    #[serde(borrow)]
    pub(super) thought_signature: Option<Text<'a>>,
    /// On the heap: it is rare, and all texts would carry its size about.
    #[serde(borrow)]
    pub(super) function_call: Option<Box<FunctionCall<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FunctionCall<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) args: Option<&'a RawValue>,
}

impl FunctionCall<'_> {
    /// Which function; what is wrong, where none is told.
    pub(super) fn name(&self) -> Result<&str, String> {
        self.name.as_deref().filter(|name| !name.is_empty()).ok_or_else(|| "a call of a function without its name".to_owned())
    }

    /// The arguments: JSON, `{}` where there are none.
    pub(super) fn arguments(&self) -> &str {
        self.args.map_or("{}", RawValue::get)
    }
}

/// What was wrong with the question.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PromptFeedback<'a> {
    #[serde(borrow)]
    pub(super) block_reason: Option<Text<'a>>,
}

/// Tokens: `promptTokenCount` holds those from a cache, `candidatesTokenCount` not those of thoughts.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct UsageMetadata {
    prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
}

impl From<UsageMetadata> for Usage {
    fn from(told: UsageMetadata) -> Self {
        let thoughts = told.thoughts_token_count.unwrap_or(0);
        let prompt = told.prompt_token_count.unwrap_or(0).saturating_add(told.tool_use_prompt_token_count.unwrap_or(0));
        Self {
            cached_tokens: told.cached_content_token_count.unwrap_or(0),
            reasoning_tokens: thoughts,
            ..Self::new(prompt, told.candidates_token_count.unwrap_or(0).saturating_add(thoughts))
        }
    }
}
