//! The hosts of OpenAI's API.

use super::error::Shape;
use super::host::{
    CachePoints, Calls, Door, Filter, Host, Ids, Images, Noise, OPENAI, Prefill, Serves, Speakers, Stop, Thought, Unknown, Usage,
};

/// What servers of open models know beyond OpenAI's fields.
const SAMPLING: &[&str] = &["top_k", "min_p", "repetition_penalty", "chat_template_kwargs", "guided_json", "structured_outputs"];

const REASONING_CONTENT: Thought = Thought::Member("reasoning_content");
const REASONING: Thought = Thought::Member("reasoning");

/// Mistral: renamed fields, content lists, ids of nine characters.
pub(crate) static MISTRAL: Host = Host {
    extra: &["random_seed", "safe_prompt", "prompt_mode", "guardrails"],
    lacks: &[
        "audio",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "modalities",
        "moderation",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "seed",
        "service_tier",
        "store",
        "stream_options",
        "top_logprobs",
        "user",
        "verbosity",
        "web_search_options",
    ],
    choices: &["auto", "none", "any", "required"],
    hottest: 1.5,
    speakers: Speakers::Nameless,
    thought: Thought::ThinkingPart,
    calls: Calls::Whole,
    ids: Ids::Nine,
    usage: Usage::WithFinish,
    prefill: Prefill::EchoedPrefix,
    serves: &[Serves::Embeddings],
    embedding_fields: &["model", "input", "output_dimension", "output_dtype", "encoding_format", "metadata"],
    errors: Shape::Mistral,
    ..OPENAI
};

/// Groq.
pub(crate) static GROQ: Host = Host {
    base: "/openai/v1",
    extra: &["reasoning_format", "include_reasoning"],
    lacks: &["logit_bias", "logprobs", "top_logprobs", "audio", "modalities", "prediction"],
    thought: REASONING,
    calls: Calls::Whole,
    serves: &[],
    ..OPENAI
};

/// DeepSeek: no JSON schema, no `max_completion_tokens`.
pub(crate) static DEEPSEEK: Host = Host {
    extra: &["thinking"],
    lacks: &["max_completion_tokens"],
    unknown: Unknown::Ignored,
    formats: &["text", "json_object"],
    images: Images::Inline,
    thought: REASONING_CONTENT,
    serves: &[],
    ..OPENAI
};

/// xAI.
pub(crate) static XAI: Host = Host {
    unknown: Unknown::Ignored,
    thought: REASONING_CONTENT,
    calls: Calls::Whole,
    usage: Usage::Always,
    serves: &[],
    ..OPENAI
};

/// Together AI.
pub(crate) static TOGETHER: Host = Host {
    extra: SAMPLING,
    lacks: &["max_completion_tokens"],
    unknown: Unknown::Ignored,
    thought: REASONING,
    usage: Usage::WithFinish,
    serves: &[Serves::Completions, Serves::Embeddings, Serves::Rerank],
    ..OPENAI
};

/// Fireworks AI.
pub(crate) static FIREWORKS: Host = Host {
    base: "/inference/v1",
    extra: SAMPLING,
    lacks: &["audio", "moderation", "web_search_options", "store"],
    thought: REASONING_CONTENT,
    usage: Usage::WithFinish,
    serves: &[Serves::Completions, Serves::Embeddings, Serves::Rerank],
    ..OPENAI
};

/// OpenRouter: comments in streams, numbers for codes of errors, errors after a 200.
pub(crate) static OPENROUTER: Host = Host {
    base: "/api/v1",
    unknown: Unknown::Ignored,
    thought: REASONING,
    cache: CachePoints::InParts,
    usage: Usage::Always,
    noise: Noise::Comment,
    serves: &[Serves::Completions, Serves::Embeddings],
    errors: Shape::OpenRouter,
    ..OPENAI
};

/// Hugging Face's router.
pub(crate) static HUGGING_FACE: Host = Host { unknown: Unknown::Ignored, thought: REASONING_CONTENT, serves: &[], ..OPENAI };

/// vLLM: numbers for codes of errors, rerank.
pub(crate) static VLLM: Host = Host {
    extra: SAMPLING,
    unknown: Unknown::Ignored,
    thought: REASONING_CONTENT,
    prefill: Prefill::Flags,
    serves: &[Serves::Completions, Serves::Embeddings, Serves::Rerank],
    errors: Shape::Vllm,
    ..OPENAI
};

/// SGLang: errors without an envelope.
pub(crate) static SGLANG: Host = Host { errors: Shape::Flat, ..VLLM };

/// Ollama at `/v1`: no credential, calls whole.
pub(crate) static OLLAMA: Host = Host {
    door: Door::Open,
    unknown: Unknown::Ignored,
    images: Images::Inline,
    thought: REASONING,
    calls: Calls::Whole,
    serves: &[Serves::Completions, Serves::Embeddings],
    ..OPENAI
};

/// Hugging Face Text Generation Inference: `stop` is a list, grammars for formats, errors of its own.
pub(crate) static TGI: Host = Host {
    door: Door::Open,
    lacks: &["max_completion_tokens"],
    unknown: Unknown::Ignored,
    formats: &["json", "json_object", "json_schema", "regex"],
    stop: Stop::List,
    serves: &[Serves::Completions],
    errors: Shape::Tgi,
    ..OPENAI
};

/// IBM watsonx.ai, whose own names have been taken back to OpenAI's.
pub(crate) static WATSONX: Host = Host {
    unknown: Unknown::Refused,
    extra: &[
        "time_limit",
        "repetition_penalty",
        "length_penalty",
        "include_reasoning",
        "chat_template_kwargs",
        "context",
        "guided_choice",
        "guided_regex",
        "guided_grammar",
        "guided_json",
    ],
    thought: REASONING_CONTENT,
    usage: Usage::Always,
    ..OPENAI
};

/// NVIDIA NIM: vLLM that refuses unknown fields.
pub(crate) static NIM: Host = Host {
    extra: &["top_k", "min_p", "repetition_penalty", "nvext"],
    unknown: Unknown::Refused,
    prefill: Prefill::Answered,
    ..VLLM
};

/// Ray Serve LLM: vLLM behind Ray.
pub(crate) static RAY_SERVE: Host = Host { door: Door::Open, serves: &[Serves::Completions, Serves::Embeddings], ..VLLM };

/// Databricks Model Serving: no `max_completion_tokens`, thoughts in lists, errors of its own.
pub(crate) static DATABRICKS: Host = Host {
    base: "/serving-endpoints",
    extra: &["top_k", "thinking", "client_request_id", "usage_context"],
    lacks: &[
        "audio",
        "function_call",
        "functions",
        "max_completion_tokens",
        "modalities",
        "moderation",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "verbosity",
        "web_search_options",
    ],
    thought: Thought::ReasoningPart,
    cache: CachePoints::InParts,
    usage: Usage::Always,
    serves: &[Serves::Completions, Serves::Embeddings],
    errors: Shape::Databricks,
    ..OPENAI
};

/// Snowflake Cortex: `max_completion_tokens` alone, images in the request.
pub(crate) static SNOWFLAKE: Host = Host {
    base: "/api/v2/cortex/v1",
    lacks: &["max_tokens", "audio", "function_call", "functions", "modalities", "moderation", "store", "web_search_options"],
    images: Images::Inline,
    thought: REASONING,
    serves: &[],
    errors: Shape::Snowflake,
    ..OPENAI
};

/// The OpenAI endpoint of Vertex AI, with Google's errors.
pub(crate) static VERTEX: Host = Host {
    base: "/v1/projects/*/locations/*/endpoints/openapi",
    extra: &["extra_body", "google"],
    calls: Calls::Whole,
    usage: Usage::WithFinish,
    serves: &[],
    errors: Shape::Google,
    ..OPENAI
};

/// The OpenAI endpoint of Amazon Bedrock.
pub(crate) static BEDROCK: Host = Host { base: "/openai/v1", thought: REASONING, serves: &[], ..OPENAI };

/// The OpenAI endpoint of a SageMaker endpoint.
pub(crate) static SAGEMAKER: Host =
    Host { base: "/endpoints/*/openai/v1", extra: SAMPLING, unknown: Unknown::Ignored, serves: &[], ..OPENAI };

/// A vLLM container behind a SageMaker endpoint.
pub(crate) static SAGEMAKER_CONTAINER: Host =
    Host { serves: &[Serves::Completions, Serves::Embeddings, Serves::Rerank], ..SAGEMAKER };

/// Azure OpenAI, below `/openai/v1`: the deployment is the model.
pub(crate) static AZURE: Host = Host {
    base: "/openai/v1",
    door: Door::ApiKey,
    filter: Filter::Refusal,
    noise: Noise::FilterResults,
    errors: Shape::Azure,
    ..OPENAI
};

/// Azure OpenAI with dated versions: the deployment is in the path.
pub(crate) static AZURE_DATED: Host = Host { base: "/openai/deployments/*", extra: &["data_sources"], ..AZURE };

/// Azure's model inference API.
pub(crate) static AZURE_INFERENCE: Host = Host {
    base: "/models",
    door: Door::ApiKeyTwice,
    lacks: &["max_completion_tokens", "user", "store", "parallel_tool_calls", "logit_bias", "n"],
    noise: Noise::None,
    serves: &[Serves::Embeddings],
    embedding_fields: &["model", "input", "dimensions", "encoding_format", "input_type"],
    ..AZURE
};
