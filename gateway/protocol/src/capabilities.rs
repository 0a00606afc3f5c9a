//! What one model of one backend can do. Conversions ask this rather than who the provider is: models of one provider differ more than
//! providers do.

/// What a model can do. Where a model is not known, it is taken to do everything and left to refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The most tokens of input and output together, if known.
    pub context: Option<u64>,
    /// The most tokens of output, if known; also what is asked for where a provider demands a limit and the caller gave none.
    pub max_output: Option<u64>,
    /// Whether it takes tools.
    pub tools: Support,
    /// Whether it can be made to call a tool; models that always think choose for themselves.
    pub forced_tools: Support,
    /// Whether it takes images.
    pub vision: Support,
    /// Whether it keeps to a JSON schema by itself.
    pub json_schema: Support,
    /// Whether it takes `temperature`, `top_p` and `top_k`; newer reasoning models refuse them.
    pub sampling: Support,
    /// Whether a conversation may end with the beginning of the answer.
    pub prefill: Support,
    /// How it is told to think.
    pub reasoning: Reasoning,
    /// Which name OpenAI-shaped hosts expect for the limit of output tokens.
    pub max_tokens_field: MaxTokensField,
    /// The length of its embeddings, if it is an embedding model and the length is known.
    pub dimensions: Option<u64>,
}

/// Whether something is supported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Support {
    /// It is.
    #[default]
    Yes,
    /// It is not.
    No,
}

impl Support {
    /// Whether it is.
    #[must_use]
    pub const fn is_yes(self) -> bool {
        matches!(self, Self::Yes)
    }
}

/// How a model is told to think.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reasoning {
    /// By a level of effort: OpenAI's `reasoning_effort`, Anthropic's adaptive thinking, Gemini 3's `thinkingLevel`.
    #[default]
    Effort,
    /// By a budget of tokens: older Claude, Gemini 2.5.
    Budget,
    /// It cannot.
    None,
}

/// The name of the limit of output tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MaxTokensField {
    /// As the caller wrote it.
    #[default]
    AsWritten,
    /// `max_tokens`, the older name, which most hosts know alone.
    MaxTokens,
    /// `max_completion_tokens`, which OpenAI's reasoning models know alone.
    MaxCompletionTokens,
}

impl Capabilities {
    /// Everything, with nothing known.
    pub const UNKNOWN: Self = Self {
        context: None,
        max_output: None,
        tools: Support::Yes,
        forced_tools: Support::Yes,
        vision: Support::Yes,
        json_schema: Support::Yes,
        sampling: Support::Yes,
        prefill: Support::Yes,
        reasoning: Reasoning::Effort,
        max_tokens_field: MaxTokensField::AsWritten,
        dimensions: None,
    };
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::UNKNOWN
    }
}
