//! What Tradewind knows of each provider: where an operation lives, which credential it takes, what its refusals mean.
//!
//! One folder a provider. Nothing here does I/O: the gateway sends what an adapter describes and hands back what came.

#![forbid(unsafe_code)]

pub mod openai;
mod retry_after;
mod verdict;

pub use retry_after::retry_after;
pub use verdict::Verdict;
