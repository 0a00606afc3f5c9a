//! OpenAI's API: Chat Completions, Embeddings, Models and its errors, which is also the gateway's own face.
//!
//! Source: OpenAI's published API description (`openapi.json`) and what its SDKs accept.

mod answer;
mod calls;
mod chat;
mod chunk_decoder;
mod chunk_encoder;
mod completion;
mod continuation;
mod embeddings;
mod encode;
mod error;
mod fields;
mod head;
mod list_answers;
mod logprobs;
mod media;
mod messages;
mod models;
mod names;
mod parts;
mod request;
mod scan;
mod shown_model;
mod sniffer;
mod string_or;
mod thought;
mod told;
mod tools;
mod transcript;
mod wire;
mod write_answer;

pub use answer::{AnswerError, read_chat_answer};
pub use chat::{
    ChatCompletion, ChatCompletionChunk, ChatRequest, Choice, ChunkChoice, Content, ContentPart, Delta, DeltaCall, DeltaFunction,
    FinishReason, Message, Reply, ReplyCall, ReplyFunction, StopSequences, Unsupported,
};
pub use chunk_decoder::ChunkDecoder;
pub use chunk_encoder::{ChunkEncoder, Framing};
pub use completion::{CompletionChoice, CompletionLogprobs, CompletionPrompt, CompletionRequest, TextCompletion, TopLogprobs};
pub use continuation::{CannotContinue, continue_with};
pub use embeddings::{Embedding, EmbeddingInput, EmbeddingList, EmbeddingRequest, EncodingFormat, Vector};
pub use encode::encode_chat;
pub use error::{ErrorBody, ErrorDetail};
pub use head::{Head, HeadError, replace_model, replace_model_and_begin_with};
pub use list_answers::{read_embeddings_answer, read_rerank_answer};
pub use logprobs::{Logprob, Logprobs, TokenLogprob};
pub use models::{Model, ModelList};
pub use names::Names;
pub use request::{read_chat, read_completion, read_embeddings, read_rerank};
pub use shown_model::ShownModel;
pub use sniffer::{Finding, StreamSniffer};
pub use thought::{THOUGHT_MARK, split_thought};
pub use told::ToldError;
pub use transcript::{Begun, Transcript};
pub use write_answer::{Identity, write_chat, write_completion, write_embeddings, write_rerank};

use serde::Serialize;

use crate::Usage;

/// Token counts in the form of this API, which repeats the sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UsageBody {
    /// Tokens of the input.
    pub prompt_tokens: u64,
    /// Tokens generated; absent for embeddings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_tokens: Option<u64>,
    /// The sum.
    pub total_tokens: u64,
    /// What is to be told of the input beside its size; absent for embeddings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens_details: Option<PromptTokensDetails>,
}

/// What is to be told of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PromptTokensDetails {
    /// Tokens that were read from a prompt cache.
    pub cached_tokens: u64,
}

impl UsageBody {
    /// The counts of an operation that generates text.
    #[must_use]
    pub const fn generated(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: Some(usage.completion_tokens),
            total_tokens: usage.total(),
            prompt_tokens_details: Some(PromptTokensDetails { cached_tokens: usage.cached_tokens }),
        }
    }

    /// The counts of an operation that only reads.
    #[must_use]
    pub const fn read(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: None,
            total_tokens: usage.prompt_tokens,
            prompt_tokens_details: None,
        }
    }
}

/// The `usage` object of an answer, if it holds one.
#[must_use]
pub fn usage_of(answer: &[u8]) -> Option<Usage> {
    #[derive(serde::Deserialize)]
    struct Answer {
        usage: Option<Usage>,
    }
    serde_json::from_slice::<Answer>(answer).ok()?.usage
}
