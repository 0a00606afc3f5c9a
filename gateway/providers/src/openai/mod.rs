//! OpenAI, and every server that speaks its API: vLLM, SGLang, Ollama, llama.cpp, Groq, Mistral, a second gateway and many others.
//!
//! They differ by a value, not by a copy: [`Host`] names them, and the table behind it tells which fields a host calls otherwise or
//! refuses, where its operations live and whether its answers can pass through. What the caller wrote is only touched where the host
//! minds it.

mod adapter;
mod answers;
mod begun;
pub(crate) mod body;
mod endpoint;
mod host;
mod judge;
mod lists;
mod models;
mod object;
mod past;
pub(crate) mod shape;

pub use adapter::OpenAi;
pub use host::Host;
