//! Gemini's `generateContent` and its embeddings, as Vertex AI and Google AI Studio serve them.
//!
//! The two services speak one dialect with small differences, which [`Options`] holds. Three things make it unlike the others:
//!
//! - **Function calls have no id of their own** on Vertex AI, so an id is made of the answer's id and the number of the call; a result is
//!   sent back under the function's *name*, looked up by that id.
//! - **Thoughts are signed where they lead to a call.** The signature of a call travels with it. That of a plain text is advice only, and
//!   is left out: on its way through another provider's history it would be taken for a foreign signature, and refused.
//! - **A stream has no end mark.** Each event is a whole answer with what is new; the body ends, and only a finish reason before it tells
//!   that nothing is missing.
//!
//! Source: the Gemini API and Vertex AI references, and what Google's `google-genai` SDK sends and reads.

mod answer;
mod batch_embed;
mod call_id;
mod contents;
mod decoder;
mod embed_options;
mod error;
mod extensions;
mod finish;
mod function_response;
mod generation;
mod logprobs;
mod media;
mod options;
mod part;
mod predict;
mod request;
mod schema;
mod thinking;
mod tools;
mod wire;

pub use answer::read_chat;
pub use batch_embed::{encode_batch_embed, read_batch_embed};
pub use decoder::ChatDecoder;
pub use error::GoogleError;
pub use options::{Options, SchemaForm, Service};
pub use predict::{encode_predict, read_predict};
pub use request::encode_chat;
