//! A conversation to continue.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// A conversation to continue, and how. The model's name is not part of it: routing decides it.
#[derive(Debug, Clone, Default)]
pub struct ChatRequest {
    /// The conversation so far, in order.
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whether it must.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may call several at once.
    pub parallel_tool_calls: Option<bool>,
    /// The most tokens to generate.
    pub max_tokens: Option<u64>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Texts before which generation ends.
    pub stop: Vec<String>,
    /// How many answers to give.
    pub n: Option<u32>,
    /// Whether to tell the probabilities of tokens.
    pub logprobs: Option<bool>,
    /// Of how many alternatives.
    pub top_logprobs: Option<u32>,
    /// Token ids and what is added to their scores: a JSON object.
    pub logit_bias: Option<Box<RawValue>>,
    /// The form of the answer.
    pub response_format: Option<ResponseFormat>,
    /// How hard to think.
    pub reasoning_effort: Option<Effort>,
    /// How many words to make: `low`, `medium`, `high`.
    pub verbosity: Option<String>,
    /// Who asks, as the application names its user (`safety_identifier`, formerly `user`).
    pub user: Option<String>,
    /// The class of service, in OpenAI's words.
    pub service_tier: Option<String>,
    /// Pairs to keep with the request: a JSON object.
    pub metadata: Option<Box<RawValue>>,
    /// Whether the answer comes as events.
    pub stream: bool,
    /// Everything else by name, for targets that know it: `thinking`, `safetySettings`, `guardrailConfig`, `top_k`-like extras, …
    pub extensions: BTreeMap<String, Box<RawValue>>,
}

/// How tokens are chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sampling {
    /// Spread, 0 (always the likeliest) to 2.
    pub temperature: Option<f64>,
    /// Share of the probability mass, above 0 up to 1.
    pub top_p: Option<f64>,
    /// How many of the likeliest; an extension that many backends know.
    pub top_k: Option<u64>,
    /// Makes it repeatable.
    pub seed: Option<i64>,
    /// -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// -2 to 2.
    pub presence_penalty: Option<f64>,
}

/// One message.
#[derive(Debug, Clone)]
pub enum Message {
    /// Instructions (`system` or `developer`).
    System(Vec<Part>),
    /// What the user says.
    User(Vec<Part>),
    /// What the model said.
    Assistant(AssistantMessage),
    /// What a tool returned.
    Tool {
        /// Which call it answers.
        call_id: String,
        /// What it returned: texts and images.
        content: Vec<Part>,
    },
}

/// What a model said.
#[derive(Debug, Clone, Default)]
pub struct AssistantMessage {
    /// Its thoughts, in order. Some dialects demand them back, signed and verbatim.
    pub reasoning: Vec<Reasoning>,
    /// What it said: texts. Empty where it only called tools.
    pub content: Vec<Part>,
    /// Why it would not answer, in its own words.
    pub refusal: Option<String>,
    /// What it called.
    pub tool_calls: Vec<ToolCall>,
}

/// A part of a message.
#[derive(Debug, Clone)]
pub enum Part {
    /// Text.
    Text(String),
    /// An image.
    Image(Image),
    /// Sound: base64 and its format, `wav` or `mp3`.
    Audio {
        /// Base64.
        data: String,
        /// The format.
        format: String,
    },
    /// A document.
    File {
        /// What it is called.
        filename: Option<String>,
        /// What is in it.
        media: Media,
    },
    /// The prompt up to here may be cached. An extension: `cache_control` on the part before it.
    CachePoint(CachePoint),
}

/// How long a prompt may stay cached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CachePoint {
    /// `5m` or `1h`.
    pub ttl: Option<String>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What is in it.
    pub media: Media,
    /// How closely to look: `auto`, `low`, `high`, `original`.
    pub detail: Option<String>,
}

/// Content that is not text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// In the request itself.
    Inline {
        /// Such as `image/png`.
        media_type: String,
        /// Base64, standard alphabet.
        data: String,
    },
    /// At an address: `https:`, `gs:`, `s3:`.
    Url(String),
    /// Uploaded to the provider before.
    FileId(String),
}

/// A thought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reasoning {
    /// In words.
    Text {
        /// The words.
        text: String,
        /// The provider's proof that they are the model's own.
        signature: Option<String>,
    },
    /// Encrypted by the provider.
    Redacted(String),
}

/// A tool that the model may call.
#[derive(Debug, Clone)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The JSON schema of its arguments; without one, it takes none.
    pub parameters: Option<Box<RawValue>>,
    /// Whether arguments must keep to the schema.
    pub strict: Option<bool>,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// Its name, which the result repeats.
    pub id: String,
    /// Which tool.
    pub name: String,
    /// JSON, as text. What the model wrote may be none: see [`ToolCall::arguments_object`].
    pub arguments: String,
    /// Gemini's proof that the call is the model's own, to be sent back with it.
    pub signature: Option<String>,
}

impl ToolCall {
    /// The arguments as a JSON object, for dialects that want one: anything that is no object (or empty) counts as `{}`.
    #[must_use]
    pub fn arguments_object(&self) -> &str {
        let text = self.arguments.trim();
        let is_object = text.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        if is_object { text } else { "{}" }
    }
}

/// Whether a tool must be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// As the model likes.
    Auto,
    /// Not at all.
    None,
    /// One at least.
    Required,
    /// This one.
    Function(String),
}

/// The form of an answer.
#[derive(Debug, Clone)]
pub enum ResponseFormat {
    /// Text.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON after a schema.
    JsonSchema {
        /// What it is called.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// The schema.
        schema: Box<RawValue>,
        /// Whether it must be kept to.
        strict: Option<bool>,
    },
}

/// How hard to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effort {
    /// Not at all.
    None,
    /// A moment.
    Minimal,
    /// A little.
    Low,
    /// As usual.
    Medium,
    /// Hard.
    High,
    /// Harder.
    XHigh,
    /// As hard as it can.
    Max,
}

impl Effort {
    /// Every level, from the least.
    pub const ALL: [Self; 7] = [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::XHigh, Self::Max];

    /// OpenAI's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The level of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.as_str() == name)
    }
}
