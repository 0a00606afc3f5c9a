//! `POST /v1/chat/completions`, in full, for backends that answer it in this process.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Logprobs, UsageBody};

/// A conversation to continue. Fields that this type has no member for land in `rest`, where
/// [`ChatRequest::unsupported`] finds those that cannot be ignored.
#[derive(Debug, Clone, Deserialize)]
pub struct ChatRequest {
    /// The model asked for.
    pub model: String,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// Spread of the sampling, 0 (always the likeliest token) to 2.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// Share of the probability mass to sample from, above 0 up to 1.
    #[serde(default)]
    pub top_p: Option<f64>,
    /// How many of the likeliest tokens to sample from; 0 or -1 for all. vLLM's name, as the next two.
    #[serde(default)]
    pub top_k: Option<i64>,
    /// How likely a token must be, as a share of the likeliest one's probability.
    #[serde(default)]
    pub min_p: Option<f64>,
    /// What the logits of tokens that are there already are divided by.
    #[serde(default)]
    pub repetition_penalty: Option<f64>,
    /// What is taken from the logit of a token for each time that the answer has it.
    #[serde(default)]
    pub frequency_penalty: Option<f64>,
    /// What is taken from the logit of a token that the answer has.
    #[serde(default)]
    pub presence_penalty: Option<f64>,
    /// What is added to the logits of tokens, by their ids.
    #[serde(default)]
    pub logit_bias: Option<BTreeMap<String, f64>>,
    /// Makes sampling repeatable.
    #[serde(default)]
    pub seed: Option<i64>,
    /// How many answers to give.
    #[serde(default)]
    pub n: Option<u64>,
    /// Whether to tell how likely each token was.
    #[serde(default)]
    pub logprobs: Option<bool>,
    /// How many of the likeliest tokens to tell in each place.
    #[serde(default)]
    pub top_logprobs: Option<u64>,
    /// Texts before which generation ends.
    #[serde(default)]
    pub stop: Option<StopSequences>,
    /// The most tokens to generate; the older spelling.
    #[serde(default)]
    pub max_tokens: Option<u64>,
    /// The most tokens to generate; wins over `max_tokens`.
    #[serde(default)]
    pub max_completion_tokens: Option<u64>,
    /// Whether the answer comes as events.
    #[serde(default)]
    pub stream: Option<bool>,
    /// Options of the stream; read by [`super::Head`].
    #[serde(default)]
    pub stream_options: Option<Value>,
    /// The functions that may be called.
    #[serde(default)]
    pub tools: Option<Value>,
    /// Whether they must be.
    #[serde(default)]
    pub tool_choice: Option<Value>,
    /// Whether several may be called at once.
    #[serde(default)]
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer.
    #[serde(default)]
    pub response_format: Option<Value>,
    /// The form of the answer, as vLLM's extension has it.
    #[serde(default)]
    pub structured_outputs: Option<Value>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// One text or several before which generation ends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "`stop` must be a string or an array of strings")]
pub enum StopSequences {
    /// One text.
    One(String),
    /// Several texts.
    Many(Vec<String>),
}

impl StopSequences {
    /// The texts as a list.
    #[must_use]
    pub fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// One turn of the conversation.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    /// Who speaks: `developer`, `system`, `user`, `assistant`, `tool` or `function`.
    pub role: String,
    /// What is said; may be absent where a tool is called.
    #[serde(default)]
    pub content: Option<Content>,
    /// Tool calls and whatever else a message can hold.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// The content of a message.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "`content` must be a string or an array of content parts")]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Parts, in order.
    Parts(Vec<ContentPart>),
}

/// One part of a message.
#[derive(Debug, Clone, Deserialize)]
pub struct ContentPart {
    /// `text`, `image_url`, `input_audio`, `file` or `refusal`.
    pub r#type: String,
    /// The text, of a `text` part.
    #[serde(default)]
    pub text: Option<String>,
}

/// A field that asks for something a text-only backend cannot do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// The path of the field, such as `messages[2].content[0]`.
    pub param: String,
    /// What is accepted there.
    pub accepted: &'static str,
}

impl ChatRequest {
    /// The most tokens to generate, if the caller set it.
    #[must_use]
    pub fn token_limit(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// The first field that a plain text backend would have to ignore although it changes the answer.
    #[must_use]
    pub fn unsupported(&self) -> Option<Unsupported> {
        self.rest.iter().find_map(|(name, value)| {
            let accepted = refusal(name, value)?;
            Some(Unsupported { param: name.clone(), accepted })
        })
    }
}

/// What is accepted for the field instead of `value`; none where `value` asks for nothing, or only gives a hint that changes no answer.
fn refusal(name: &str, value: &Value) -> Option<&'static str> {
    let (is_accepted, accepted) = match name {
        "metadata"
        | "prompt_cache_key"
        | "prompt_cache_options"
        | "prompt_cache_retention"
        | "safety_identifier"
        | "service_tier"
        | "user" => (true, ""),
        "store" => (value == false, "only false"),
        "functions" => (value.as_array().is_some_and(Vec::is_empty), "only an empty list; use `tools`"),
        "function_call" => (value == "none" || value == "auto", "only \"none\" or \"auto\"; use `tool_choice`"),
        "modalities" => (value.as_array().is_some_and(|kinds| kinds.iter().all(|kind| kind == "text")), "only [\"text\"]"),
        "reasoning_effort" => (value == "none", "only \"none\""),
        _ => (false, "nothing"),
    };
    (!is_accepted && !value.is_null()).then_some(accepted)
}

/// A whole answer.
#[derive(Debug, Clone, Serialize)]
pub struct ChatCompletion<'a> {
    /// A name for this answer, `chatcmpl-…`.
    pub id: &'a str,
    /// Always `chat.completion`.
    pub object: &'static str,
    /// Seconds since 1970.
    pub created: u64,
    /// The model that answered.
    pub model: &'a str,
    /// The answers.
    pub choices: Vec<Choice<'a>>,
    /// Tokens read and generated.
    pub usage: UsageBody,
}

/// One answer.
#[derive(Debug, Clone, Serialize)]
pub struct Choice<'a> {
    /// Which of the `n` answers.
    pub index: u32,
    /// The next turn.
    pub message: Reply<'a>,
    /// How likely its tokens were, if that was asked.
    pub logprobs: Option<Logprobs>,
    /// Why generation ended.
    pub finish_reason: FinishReason,
}

/// The assistant's turn.
#[derive(Debug, Clone, Serialize)]
pub struct Reply<'a> {
    /// Always `assistant`.
    pub role: &'static str,
    /// The text; none where there are calls instead.
    pub content: Option<&'a str>,
    /// Always `null`: refusals come as text.
    pub refusal: Option<()>,
    /// The functions that were called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ReplyCall<'a>>,
}

/// A call of a function.
#[derive(Debug, Clone, Serialize)]
pub struct ReplyCall<'a> {
    /// What its result is to refer to.
    pub id: String,
    /// Always `function`.
    pub r#type: &'static str,
    /// The function.
    pub function: ReplyFunction<'a>,
}

/// A function that was called.
#[derive(Debug, Clone, Serialize)]
pub struct ReplyFunction<'a> {
    /// Its name.
    pub name: &'a str,
    /// JSON, as text.
    pub arguments: &'a str,
}

/// Why generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model came to an end, or to a stop sequence.
    Stop,
    /// The limit of tokens was reached.
    Length,
    /// Functions were called, and their results are waited for.
    ToolCalls,
}

/// One event of a streamed answer.
#[derive(Debug, Clone, Serialize)]
pub struct ChatCompletionChunk<'a> {
    /// The same in every chunk of an answer.
    pub id: &'a str,
    /// Always `chat.completion.chunk`.
    pub object: &'static str,
    /// Seconds since 1970, the same in every chunk.
    pub created: u64,
    /// The model that answers.
    pub model: &'a str,
    /// One entry, or none in the chunk that carries the usage.
    pub choices: &'a [ChunkChoice<'a>],
    /// Absent unless asked for; then `null` in all chunks but the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Option<UsageBody>>,
}

/// What a chunk adds to an answer.
#[derive(Debug, Clone, Serialize)]
pub struct ChunkChoice<'a> {
    /// Which of the `n` answers.
    pub index: u32,
    /// The addition.
    pub delta: Delta<'a>,
    /// How likely its tokens were, if that was asked.
    pub logprobs: Option<Logprobs>,
    /// Set in the last chunk of the answer.
    pub finish_reason: Option<FinishReason>,
}

/// An addition to the assistant's turn.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Delta<'a> {
    /// `assistant`, in the first chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// More text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<&'a str>,
    /// More of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<[DeltaCall<'a>; 1]>,
}

/// An addition to a call of a function. The first has all, later ones more of the arguments.
#[derive(Debug, Clone, Serialize)]
pub struct DeltaCall<'a> {
    /// Which call of the answer.
    pub index: usize,
    /// What its result is to refer to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `function`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<&'static str>,
    /// The function.
    pub function: DeltaFunction<'a>,
}

/// An addition to what is called.
#[derive(Debug, Clone, Serialize)]
pub struct DeltaFunction<'a> {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// More JSON.
    pub arguments: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsupported(fields: &str) -> Option<Unsupported> {
        let json = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{fields}}}"#);
        serde_json::from_str::<ChatRequest>(&json).unwrap().unsupported()
    }

    #[test]
    fn neutral_values_and_hints_are_accepted() {
        let neutral = r#""store":false,"functions":[],"function_call":"none","user":"u","metadata":{"a":"b"},"reasoning_effort":null,"anything":null,"modalities":["text"]"#;
        assert_eq!(unsupported(neutral), None);
    }

    #[test]
    fn what_would_change_the_answer_is_named() {
        for field in [r#""store":true"#, r#""functions":[{"name":"f"}]"#, r#""invented":1"#] {
            let name = field.split('"').nth(1).unwrap();
            assert_eq!(unsupported(field).unwrap().param, name);
        }
    }

    #[test]
    fn usage_is_absent_null_or_told() {
        let chunk = |usage| {
            let chunk =
                ChatCompletionChunk { id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: &[], usage };
            serde_json::to_string(&chunk).unwrap()
        };
        assert!(!chunk(None).contains("usage"));
        assert!(chunk(Some(None)).contains("\"usage\":null"));
        let usage = crate::Usage::new(1, 2);
        assert!(chunk(Some(Some(UsageBody::generated(usage)))).contains("\"total_tokens\":3"));
    }
}
