//! Who serves OpenAI's API, and in what each of them differs, as values.
//!
//! Sources: the vendors' published API descriptions and SDKs. Where a vendor does not say what it does with a field, the field is sent: a
//! refusal names it, while a silent removal would not.

use tradewind_protocol::MaxTokensField;

/// Who serves OpenAI's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// OpenAI.
    OpenAi,
    /// Mistral.
    Mistral,
    /// Groq.
    Groq,
    /// DeepSeek.
    DeepSeek,
    /// xAI.
    XAi,
    /// Together AI.
    Together,
    /// Fireworks AI.
    Fireworks,
    /// OpenRouter.
    OpenRouter,
    /// Hugging Face's router.
    HuggingFace,
    /// vLLM.
    Vllm,
    /// SGLang.
    SgLang,
    /// Ollama.
    Ollama,
    /// Hugging Face Text Generation Inference.
    Tgi,
    /// Hugging Face Text Embeddings Inference.
    Tei,
    /// NVIDIA NIM.
    Nim,
    /// Ray Serve LLM.
    RayServe,
    /// Databricks Model Serving.
    Databricks,
    /// Snowflake Cortex.
    Snowflake,
    /// The OpenAI endpoint of Vertex AI.
    VertexOpenAi,
    /// The OpenAI endpoint of Amazon Bedrock.
    BedrockOpenAi,
    /// The OpenAI endpoint of Amazon SageMaker.
    SageMakerOpenAi,
}

/// In what a host differs from OpenAI.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habits {
    /// OpenTelemetry's `gen_ai.provider.name`; hosts that it does not list go by their own name.
    pub(crate) name: &'static str,
    /// Which name it knows for the limit of output tokens.
    pub(crate) max_tokens: MaxTokensField,
    /// Fields that it calls otherwise.
    pub(crate) renamed: &'static [(&'static str, &'static str)],
    /// Fields that it refuses and that change nothing essential: left out, and the caller is told.
    pub(crate) refused: &'static [&'static str],
    /// Fields that mean nothing there, so that nobody misses them.
    pub(crate) needless: &'static [&'static str],
    /// How it takes a conversation's past.
    pub(crate) past: Past,
    /// What its answers to chats are like.
    pub(crate) answers: Answers,
    /// What a single stop sequence must look like.
    pub(crate) stop: Stop,
    /// How a model is told how hard to think.
    pub(crate) effort: Effort,
    /// Where its images may come from.
    pub(crate) images: Images,
    /// How a stream of its comes to tell the token counts.
    pub(crate) counts: Counts,
    /// How it is told to go on with an answer that was begun.
    pub(crate) prefill: Prefill,
    /// Which operations it has.
    pub(crate) offers: Offers,
}

/// How a host takes a conversation's past.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Past {
    /// Fields of messages that it refuses.
    pub(crate) refused: &'static [&'static str],
    /// Whether it knows `cache_control` on parts.
    pub(crate) cache_points: CachePoints,
    /// What the ids of tool calls must look like.
    pub(crate) ids: Ids,
    /// What becomes of messages of the assistant that say nothing.
    pub(crate) silence: Silence,
}

/// Whether a host knows Anthropic's `cache_control`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CachePoints {
    Known,
    Refused,
}

/// What the ids of tool calls must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    Any,
    /// Nine letters and digits, as Mistral's older models demand.
    NineAlphanumerics,
}

/// What becomes of messages that say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    Kept,
    /// They are refused, so they are left out.
    LeftOut,
}

/// What answers to chats are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// OpenAI's.
    Same,
    /// Content may be a list, reasons to end may have other names.
    Varied,
}

/// What a single stop sequence must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Any,
    /// A list, even of one.
    List,
}

/// How a model is told how hard to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// By `reasoning_effort`.
    Field,
    /// The same, but Claude by Anthropic's `thinking`.
    ThinkingOfClaude,
}

/// Where images may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Images {
    Anywhere,
    /// The request itself.
    Inline,
}

/// How a stream comes to tell the token counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// Where `stream_options` ask for them.
    Asked,
    /// Unasked; or never, where the host knows no `stream_options`.
    Unasked,
}

/// How a host is told to go on with a last message of the assistant, instead of answering it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefill {
    /// It has no word for that. Some do it unasked, which is for the operator to say.
    Unasked,
    /// By vLLM's `continue_final_message`, which excludes `add_generation_prompt`.
    Flags,
    /// By `prefix` in the message.
    Prefix,
    /// The same; and it repeats what it was given at the start of its answer.
    EchoedPrefix,
}

/// Which operations a host has beside chat.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offers {
    pub(crate) completions: Completions,
    pub(crate) embeddings: Embeds,
    pub(crate) rerank: Reranks,
}

/// How a host continues texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completions {
    Own,
    /// Not at all; a chat with one message does it.
    ByChat,
    No,
}

/// How a host embeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Embeds {
    Same,
    /// The same, always below `/v1`.
    Tei,
    /// With `output_dimension` in place of `dimensions`.
    Mistral,
    /// Snowflake's `inference:embed`.
    Snowflake,
    No,
}

/// How a host reranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reranks {
    /// As Cohere does.
    Same,
    /// As text embeddings servers do: `texts` in, a bare list out.
    Tei,
    No,
}

/// The thoughts of earlier answers, which the gateway itself handed out in these fields.
const THOUGHTS: &[&str] = &["thinking_blocks", "reasoning_content", "reasoning"];
/// For hosts that take thoughts back as text, but know no proofs.
const PROOFS: &[&str] = &["thinking_blocks"];

const STRICT: Past = Past { refused: THOUGHTS, cache_points: CachePoints::Refused, ids: Ids::Any, silence: Silence::Kept };
const OPEN: Past = Past { refused: PROOFS, cache_points: CachePoints::Refused, ids: Ids::Any, silence: Silence::Kept };

const ALL: Offers = Offers { completions: Completions::Own, embeddings: Embeds::Same, rerank: Reranks::Same };
const NO_RERANK: Offers = Offers { rerank: Reranks::No, ..ALL };
const CHAT: Offers = Offers { completions: Completions::ByChat, embeddings: Embeds::No, rerank: Reranks::No };

/// OpenAI's own habits.
pub(crate) const OPENAI: Habits = Habits {
    name: "openai",
    max_tokens: MaxTokensField::AsWritten,
    renamed: &[],
    refused: &["top_k"],
    needless: &[],
    past: STRICT,
    answers: Answers::Same,
    stop: Stop::Any,
    effort: Effort::Field,
    images: Images::Anywhere,
    counts: Counts::Asked,
    prefill: Prefill::Unasked,
    offers: NO_RERANK,
};

/// Azure OpenAI's.
pub(crate) const AZURE: Habits = Habits { name: "azure.ai.openai", ..OPENAI };

/// Those of its versions of the time before `stream_options`.
pub(crate) const AZURE_BEFORE_STREAM_OPTIONS: Habits =
    Habits { refused: &["top_k", "stream_options"], counts: Counts::Unasked, ..AZURE };

/// Azure's model inference API.
pub(crate) const FOUNDRY: Habits =
    Habits { name: "azure.ai.inference", max_tokens: MaxTokensField::MaxTokens, refused: &[], counts: Counts::Unasked, ..OPENAI };

/// The part of watsonx.ai's requests that is OpenAI's.
pub(crate) const WATSONX: Habits = Habits {
    name: "ibm.watsonx.ai",
    max_tokens: MaxTokensField::MaxTokens,
    refused: &["user", "safety_identifier", "store", "metadata", "service_tier", "top_k", "verbosity", "parallel_tool_calls"],
    answers: Answers::Varied,
    counts: Counts::Unasked,
    ..OPENAI
};

/// A server of open models, which takes nearly anything.
const SERVER: Habits = Habits { name: "vllm", refused: &[], past: OPEN, offers: ALL, ..OPENAI };

impl Host {
    /// In what it differs.
    pub(crate) const fn habits(self) -> Habits {
        match self {
            Self::OpenAi => OPENAI,
            Self::Mistral => Habits {
                name: "mistral_ai",
                max_tokens: MaxTokensField::MaxTokens,
                renamed: &[("seed", "random_seed")],
                refused: &["user", "safety_identifier", "logit_bias", "store", "top_k", "service_tier", "verbosity"],
                // The counts come unasked.
                needless: &["stream_options"],
                past: Past { refused: MISTRAL_MESSAGE, ids: Ids::NineAlphanumerics, ..STRICT },
                answers: Answers::Varied,
                counts: Counts::Unasked,
                prefill: Prefill::EchoedPrefix,
                offers: Offers { embeddings: Embeds::Mistral, ..CHAT },
                ..OPENAI
            },
            Self::Groq => Habits { name: "groq", offers: CHAT, ..OPENAI },
            Self::DeepSeek => Habits {
                name: "deepseek",
                max_tokens: MaxTokensField::MaxTokens,
                past: OPEN,
                prefill: Prefill::Prefix,
                offers: CHAT,
                ..OPENAI
            },
            Self::XAi => Habits { name: "x_ai", counts: Counts::Unasked, offers: CHAT, ..OPENAI },
            Self::Together => {
                Habits { name: "together", max_tokens: MaxTokensField::MaxTokens, counts: Counts::Unasked, ..SERVER }
            }
            Self::Fireworks => Habits {
                name: "fireworks",
                max_tokens: MaxTokensField::MaxTokens,
                counts: Counts::Unasked,
                offers: NO_RERANK,
                ..SERVER
            },
            // `models` and `route` let a caller reach models that no policy allows.
            Self::OpenRouter => Habits {
                name: "openrouter",
                refused: &["models", "route"],
                past: Past { cache_points: CachePoints::Known, ..OPEN },
                counts: Counts::Unasked,
                offers: NO_RERANK,
                ..SERVER
            },
            Self::HuggingFace => {
                Habits { name: "huggingface", max_tokens: MaxTokensField::MaxTokens, past: STRICT, offers: CHAT, ..SERVER }
            }
            Self::Vllm => Habits { prefill: Prefill::Flags, ..SERVER },
            Self::SgLang => Habits { name: "sglang", prefill: Prefill::Flags, offers: NO_RERANK, ..SERVER },
            Self::Ollama => Habits { name: "ollama", offers: NO_RERANK, ..SERVER },
            Self::Tgi => Habits {
                name: "tgi",
                max_tokens: MaxTokensField::MaxTokens,
                stop: Stop::List,
                past: STRICT,
                offers: Offers { embeddings: Embeds::No, ..NO_RERANK },
                ..SERVER
            },
            Self::Tei => Habits {
                name: "tei",
                offers: Offers { completions: Completions::No, embeddings: Embeds::Tei, rerank: Reranks::Tei },
                ..SERVER
            },
            Self::Nim => Habits { name: "nim", max_tokens: MaxTokensField::MaxTokens, offers: NO_RERANK, ..SERVER },
            Self::RayServe => Habits { name: "ray_serve", prefill: Prefill::Flags, offers: NO_RERANK, ..SERVER },
            Self::Databricks => Habits {
                name: "databricks",
                max_tokens: MaxTokensField::MaxTokens,
                past: Past { cache_points: CachePoints::Known, silence: Silence::LeftOut, ..STRICT },
                answers: Answers::Varied,
                effort: Effort::ThinkingOfClaude,
                counts: Counts::Unasked,
                offers: NO_RERANK,
                ..SERVER
            },
            Self::Snowflake => Habits {
                name: "snowflake",
                max_tokens: MaxTokensField::MaxCompletionTokens,
                past: STRICT,
                images: Images::Inline,
                offers: Offers { embeddings: Embeds::Snowflake, ..CHAT },
                ..SERVER
            },
            Self::VertexOpenAi => Habits { name: "gcp.vertex_ai", counts: Counts::Unasked, offers: CHAT, ..OPENAI },
            Self::BedrockOpenAi => Habits { name: "aws.bedrock", offers: CHAT, ..OPENAI },
            Self::SageMakerOpenAi => {
                Habits { name: "aws.sagemaker", max_tokens: MaxTokensField::MaxTokens, offers: CHAT, ..SERVER }
            }
        }
    }
}

/// What Mistral refuses in a message: besides thoughts, the name of whoever speaks (a tool keeps its own).
const MISTRAL_MESSAGE: &[&str] = &["thinking_blocks", "reasoning_content", "reasoning", "name"];

#[cfg(test)]
mod tests {
    use tradewind_protocol::openai::Names;

    use super::*;

    const HOSTS: [Host; 21] = [
        Host::OpenAi,
        Host::Mistral,
        Host::Groq,
        Host::DeepSeek,
        Host::XAi,
        Host::Together,
        Host::Fireworks,
        Host::OpenRouter,
        Host::HuggingFace,
        Host::Vllm,
        Host::SgLang,
        Host::Ollama,
        Host::Tgi,
        Host::Tei,
        Host::Nim,
        Host::RayServe,
        Host::Databricks,
        Host::Snowflake,
        Host::VertexOpenAi,
        Host::BedrockOpenAi,
        Host::SageMakerOpenAi,
    ];

    /// Of a name that is not noted, the head of a request cannot say that it is absent: each request would be read whole for it.
    #[test]
    fn what_a_host_minds_is_noted_on_the_way() {
        let others = [AZURE_BEFORE_STREAM_OPTIONS, FOUNDRY, WATSONX];
        for habits in HOSTS.map(Host::habits).into_iter().chain(others) {
            let renamed = habits.renamed.iter().map(|(from, _)| from);
            for name in habits.refused.iter().chain(habits.needless).chain(habits.past.refused).chain(renamed) {
                assert!(!Names::default().may_hold(name), "{name} of {}", habits.name);
            }
        }
    }
}
