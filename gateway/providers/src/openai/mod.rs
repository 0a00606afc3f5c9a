//! OpenAI, and every server that speaks its API: vLLM, SGLang, Ollama, llama.cpp, Groq, Mistral, a second gateway and many others.
//! They differ in their base address and credential, which are values.

mod endpoint;
mod refusal;

pub use endpoint::Endpoint;
pub use refusal::classify;
