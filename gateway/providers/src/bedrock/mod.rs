//! Amazon Bedrock: Converse for every chat model, Claude by InvokeModel where an operator prefers it, embeddings of three vendors, and
//! rerank of the agent runtime.

mod adapter;
mod capabilities;
mod endpoint;
mod judge;
mod translate;

pub use adapter::{Bedrock, Chat};
pub use capabilities::capabilities;
