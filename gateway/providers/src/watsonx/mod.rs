//! IBM watsonx.ai: OpenAI's messages in IBM's envelope.
//!
//! The model is `model_id`, or a deployment in the path; the project or space that pays stands beside it; a stream has its own address;
//! embeddings and reranking have a form of their own.

mod adapter;
mod answers;
mod body;

pub use adapter::{Scope, Watsonx};
