//! How a host of OpenAI's API differs from OpenAI: values, so that all of them share one code.

use super::error::Shape;

/// A host of OpenAI's API.
#[derive(Debug)]
pub(crate) struct Host {
    /// What the paths begin with. A `*` stands for one segment of any name.
    pub(crate) base: &'static str,
    /// Whether a credential is asked for.
    pub(crate) door: Door,
    /// Fields of a chat that it knows and OpenAI does not.
    pub(crate) extra: &'static [&'static str],
    /// Fields of a chat that OpenAI knows and it does not.
    pub(crate) lacks: &'static [&'static str],
    /// What it does with a field that it does not know.
    pub(crate) unknown: Unknown,
    /// The accepted words of `tool_choice`; none where it takes any.
    pub(crate) choices: &'static [&'static str],
    /// The accepted types of `response_format`.
    pub(crate) formats: &'static [&'static str],
    /// The highest temperature.
    pub(crate) hottest: f64,
    /// Whether `stop` may be a single text.
    pub(crate) stop: Stop,
    /// Whether images may be URLs.
    pub(crate) images: Images,
    /// Whether messages may name who speaks.
    pub(crate) speakers: Speakers,
    /// Whether parts of messages may hold `cache_control`.
    pub(crate) cache: CachePoints,
    /// How it tells what the model thought.
    pub(crate) thought: Thought,
    /// How calls of tools are streamed.
    pub(crate) calls: Calls,
    /// The form of the ids of calls.
    pub(crate) ids: Ids,
    /// When a stream tells the usage.
    pub(crate) usage: Usage,
    /// How it is told to go on with a last message of the assistant.
    pub(crate) prefill: Prefill,
    /// What it does with a prompt that is filtered.
    pub(crate) filter: Filter,
    /// Comments and first chunks that clients must bear.
    pub(crate) noise: Noise,
    /// What it serves besides chat.
    pub(crate) serves: &'static [Serves],
    /// Fields of an embeddings request.
    pub(crate) embedding_fields: &'static [&'static str],
    /// How it writes errors.
    pub(crate) errors: Shape,
}

/// Whether a credential is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// A bearer token.
    Bearer,
    /// `api-key`, or a bearer token.
    ApiKey,
    /// As [`Door::ApiKey`], or the same key in both: what the SDK of Azure's model inference does.
    ApiKeyTwice,
    /// Nothing is asked for, and a key that comes is let pass.
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    Refused,
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    TextOrList,
    List,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Images {
    UrlOrInline,
    Inline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speakers {
    Named,
    /// Only tools have names.
    Nameless,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CachePoints {
    None,
    InParts,
}

/// How a host tells what the model thought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thought {
    /// It only counts it.
    Counted,
    /// In a member of the message beside its content.
    Member(&'static str),
    /// In a list of parts in place of the content: `{"type": "thinking", "thinking": [{"type": "text", "text"}]}`.
    ThinkingPart,
    /// In a list of parts in place of the content: `{"type": "reasoning", "summary": [{"type": "summary_text", "text"}]}`.
    ReasoningPart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calls {
    InPieces,
    Whole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// `call_` and more.
    Prefixed,
    /// Nine letters and digits, and no other id is accepted.
    Nine,
}

/// When a stream tells the usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// In a last chunk without choices, where `stream_options.include_usage` asks for it.
    Asked,
    /// In such a chunk, asked for or not.
    Always,
    /// In the chunk with the finish reason, asked for or not.
    WithFinish,
}

/// How a host is told to go on with a last message of the assistant instead of answering it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefill {
    /// Not at all.
    Answered,
    /// By `continue_final_message`, which excludes `add_generation_prompt`.
    Flags,
    /// By `prefix` in the message, without which it refuses such a message. It repeats it.
    EchoedPrefix,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// The finish reason says it.
    Finish,
    /// The request is refused.
    Refusal,
}

/// What a stream holds besides the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noise {
    None,
    /// `: OPENROUTER PROCESSING`.
    Comment,
    /// A first chunk without choices and id, and results of filters in the others.
    FilterResults,
}

/// What a host serves besides chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serves {
    Completions,
    Embeddings,
    /// `POST /rerank` as Cohere, Jina and vLLM have it.
    Rerank,
    /// No chat.
    NoChat,
}

/// OpenAI itself.
pub(crate) const OPENAI: Host = Host {
    base: "/v1",
    door: Door::Bearer,
    extra: &[],
    lacks: &[],
    unknown: Unknown::Refused,
    choices: &["none", "auto", "required"],
    formats: &["text", "json_object", "json_schema"],
    hottest: 2.0,
    stop: Stop::TextOrList,
    images: Images::UrlOrInline,
    speakers: Speakers::Named,
    cache: CachePoints::None,
    thought: Thought::Counted,
    calls: Calls::InPieces,
    ids: Ids::Prefixed,
    usage: Usage::Asked,
    prefill: Prefill::Answered,
    filter: Filter::Finish,
    noise: Noise::None,
    serves: &[Serves::Completions, Serves::Embeddings],
    embedding_fields: &["dimensions", "encoding_format", "input", "model", "user"],
    errors: Shape::OpenAi,
};

impl Host {
    /// Whether it writes what the model thought as parts of the content.
    pub(crate) fn thought_is_a_part(&self) -> bool {
        matches!(self.thought, Thought::ThinkingPart | Thought::ReasoningPart)
    }
}
