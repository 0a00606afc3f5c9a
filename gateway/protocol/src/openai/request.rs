//! Requests in OpenAI's form, read into the canonical form.

use super::{
    EmbeddingRequest,
    fields::Fields,
    messages::read_messages,
    string_or::{Expecting, StringOr},
    tools::{read_effort, read_response_format, read_tool_choice, read_tools},
};
use crate::{
    chat::{ChatRequest, ConvertError, Message, Part, Sampling},
    rerank::RerankRequest,
    text::Text,
};

impl Expecting for Vec<String> {
    const EXPECTED: &'static str = "a string or a list of strings";
}

/// Reads the body of `POST /v1/chat/completions`, with the older `functions` and `function_call`, and with the extensions that gateways
/// and open servers share: `top_k`, `cache_control`, `reasoning_content`, `thinking_blocks`.
///
/// # Errors
/// [`ConvertError::Invalid`] with the field at fault; [`ConvertError::Unsupported`] for kinds of tools that have no canonical form.
pub fn read_chat(body: &[u8]) -> Result<ChatRequest, ConvertError> {
    let mut fields = Fields::read(body)?;
    let messages = read_messages(&mut fields)?;
    let tools = read_tools(&mut fields)?;
    let tool_choice = read_tool_choice(&mut fields)?;
    let response_format = read_response_format(&mut fields)?;
    let reasoning_effort = read_effort(&mut fields)?;
    let mut request = read_common(&mut fields)?;
    request.logprobs = fields.take("logprobs", "true or false")?;
    request.parallel_tool_calls = fields.take("parallel_tool_calls", "true or false")?;
    request.top_logprobs = fields.take("top_logprobs", "a whole number")?;
    request.verbosity = fields.take("verbosity", "a string")?;
    request.service_tier = fields.take("service_tier", "a string")?;
    request.metadata = fields.take_object("metadata")?;
    Ok(ChatRequest { messages, tools, tool_choice, response_format, reasoning_effort, extensions: fields.rest(), ..request })
}

/// Reads the body of `POST /v1/completions` as a chat with one message of the user.
///
/// # Errors
/// [`ConvertError::Invalid`] with the field at fault; [`ConvertError::Unsupported`] for what a chat cannot do: several prompts,
/// token ids, `suffix`, `echo`, `best_of` above 1, `logprobs`.
pub fn read_completion(body: &[u8]) -> Result<ChatRequest, ConvertError> {
    let mut fields = Fields::read(body)?;
    let raw = fields.take_raw("prompt").ok_or_else(|| missing("prompt", "the text to continue"))?;
    let prompt = match serde_json::from_str::<StringOr<'_, Vec<String>>>(raw.get()) {
        Ok(StringOr::String(text)) => text.into_string(),
        Ok(StringOr::Other(texts)) => match <[String; 1]>::try_from(texts) {
            Ok([text]) => text,
            Err(_) => return Err(beyond_chat("prompt", "one text, and others in requests of their own")),
        },
        Err(_) => return Err(beyond_chat("prompt", "a string")),
    };
    for (name, neutral, accepted) in
        [("suffix", "\"\"", "an empty string"), ("echo", "false", "false"), ("best_of", "1", "1"), ("logprobs", "null", "null")]
    {
        if fields.take_raw(name).is_some_and(|raw| raw.get() != neutral) {
            return Err(beyond_chat(name, accepted));
        }
    }
    let request = read_common(&mut fields)?;
    Ok(ChatRequest { messages: vec![Message::User(vec![Part::Text(prompt)])], extensions: fields.rest(), ..request })
}

/// The fields that chats and text completions share.
fn read_common(fields: &mut Fields<'_>) -> Result<ChatRequest, ConvertError> {
    // The model is decided by routing, and the options of a stream concern the gateway alone, which reads both from the head.
    fields.take_raw("model");
    fields.take_raw("stream_options");
    let max_tokens: Option<u64> = fields.take("max_tokens", "a whole number")?;
    let max_completion_tokens: Option<u64> = fields.take("max_completion_tokens", "a whole number")?;
    let sampling = Sampling {
        temperature: fields.take("temperature", "a number")?,
        top_p: fields.take("top_p", "a number")?,
        top_k: fields.take("top_k", "a whole number")?,
        seed: fields.take("seed", "a whole number")?,
        frequency_penalty: fields.take("frequency_penalty", "a number")?,
        presence_penalty: fields.take("presence_penalty", "a number")?,
    };
    let stop: Option<StringOr<'_, Vec<String>>> = fields.take("stop", Vec::<String>::EXPECTED)?;
    let stop = match stop {
        None => Vec::new(),
        Some(StringOr::String(text)) => vec![text.into_string()],
        Some(StringOr::Other(texts)) => texts,
    };
    let user: Option<Text<'_>> = fields.take("user", "a string")?;
    let safety_identifier: Option<Text<'_>> = fields.take("safety_identifier", "a string")?;
    Ok(ChatRequest {
        max_tokens: max_completion_tokens.or(max_tokens),
        sampling,
        stop,
        n: fields.take("n", "a whole number")?,
        logit_bias: fields.take_object("logit_bias")?,
        user: safety_identifier.or(user).map(Text::into_string),
        stream: fields.take("stream", "true or false")?.unwrap_or(false),
        ..ChatRequest::default()
    })
}

fn beyond_chat(param: &str, accepted: &str) -> ConvertError {
    ConvertError::unsupported(
        param,
        format!("`{param}` must be {accepted}: this model answers text completions by way of a chat."),
    )
}

pub(super) fn missing(param: impl Into<String>, what: &str) -> ConvertError {
    let param = param.into();
    let message = format!("`{param}` is missing: it must hold {what}.");
    ConvertError::invalid(param, message)
}

/// Reads the body of `POST /v1/embeddings`.
///
/// # Errors
/// [`ConvertError::Invalid`] with the field at fault.
pub fn read_embeddings(body: &[u8]) -> Result<EmbeddingRequest, ConvertError> {
    let mut fields = Fields::read(body)?;
    let expected = "a string, a list of strings, a list of token ids or a list of such lists";
    let input = fields.take("input", expected)?.ok_or_else(|| missing("input", "what to embed"))?;
    Ok(EmbeddingRequest {
        model: fields.take("model", "a string")?.unwrap_or_default(),
        input,
        encoding_format: fields.take("encoding_format", "\"float\" or \"base64\"")?,
        dimensions: fields.take("dimensions", "a whole number")?,
        rest: fields.rest_values()?,
    })
}

/// Reads the body of `POST /v1/rerank`.
///
/// # Errors
/// [`ConvertError::Invalid`] with the field at fault.
pub fn read_rerank(body: &[u8]) -> Result<RerankRequest, ConvertError> {
    let mut fields = Fields::read(body)?;
    let documents = fields.take("documents", "a list of strings or of objects with a `text`")?;
    Ok(RerankRequest {
        model: fields.take("model", "a string")?.unwrap_or_default(),
        query: fields.take("query", "a string")?.ok_or_else(|| missing("query", "what is looked for"))?,
        documents: documents.ok_or_else(|| missing("documents", "the texts to order"))?,
        top_n: fields.take("top_n", "a whole number")?,
        max_tokens_per_doc: fields.take("max_tokens_per_doc", "a whole number")?,
        return_documents: fields.take("return_documents", "true or false")?,
        rest: fields.rest_values()?,
    })
}
