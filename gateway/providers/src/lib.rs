//! What Tradewind knows of each provider: where an operation lives, which credential it takes, what its refusals mean.
//!
//! One folder a provider, each with an [`Adapter`]. Nothing here does I/O: the gateway sends what an adapter describes and hands back what
//! came.

#![forbid(unsafe_code)]

mod adapter;
pub mod anthropic;
pub mod aws;
pub mod azure;
pub mod bedrock;
pub mod cohere;
mod content_type;
pub mod gemini;
pub mod openai;
mod post;
mod rate_limit;
mod retry_after;
pub mod sagemaker;
mod vectors;
mod verdict;
pub mod vertex;
pub mod watsonx;

pub use adapter::{
    Adapter, Ask, Authentication, Exchange, PrepareError, ReadError, Reader, Refusal, Reply, Translate, Translated,
};
pub use rate_limit::{Allowance, RateLimits, rate_limits};
pub use retry_after::retry_after;
pub use verdict::{Judgement, RequestFault, Verdict};
