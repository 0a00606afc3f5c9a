//! The own API of inference containers: `{"inputs", "parameters"}` of Hugging Face's TGI and of DJL's LMI, `{"inputs": […]}` of TEI.
//!
//! TGI and LMI take a prompt and no conversation: the template that would make one of the other is in the container, behind its OpenAI
//! API. So only a text to continue, or one message of the user with instructions before it, can be put to them; anything else is refused
//! rather than guessed. They differ in a few names and in the framing of streams: TGI sends server-sent events, LMI lines of JSON.
//!
//! Source: the OpenAPI description of TGI and TEI, and the LMI pages "Inference API Schema" of docs.djl.ai.

mod answer;
mod decoder;
mod details;
mod lines;
mod prompt;
mod request;
mod tei;

pub use answer::read_generated;
pub use decoder::GenerateDecoder;
pub use request::encode_generate;
pub use tei::{encode_tei_embeddings, encode_tei_rerank, read_tei_embeddings, read_tei_rerank};

/// Whose API it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// Hugging Face Text Generation Inference.
    Tgi,
    /// DJL's Large Model Inference.
    Lmi,
}
