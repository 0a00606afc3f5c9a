//! OpenAI, and every server that speaks its API: vLLM, SGLang, Ollama, llama.cpp, Groq, Mistral, a second gateway and many others.
//! They differ in their base address and credential, which are values.

mod endpoint;
mod refusal;

pub use endpoint::{Endpoint, EndpointError};
pub use refusal::classify;

/// The base address of OpenAI itself.
pub const BASE_URL: &str = "https://api.openai.com/v1";
