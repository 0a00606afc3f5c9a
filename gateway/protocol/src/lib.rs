//! Wire types and codecs of the model APIs that Tradewind speaks: no I/O, no async, no clock.
//!
//! A request that stays in its dialect is never parsed in full: [`openai::Head`] reads the few fields that routing needs and
//! remembers where the model name stands, and [`openai::StreamSniffer`] watches a stream go by. The full types in
//! [`openai`] are for those who answer a request themselves.

#![forbid(unsafe_code)]

pub mod openai;
mod operation;
pub mod sse;
mod usage;

pub use operation::Operation;
pub use usage::Usage;
