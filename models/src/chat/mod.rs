//! The chat engine: conversations in, streamed text out, one sequence at a time on a thread of its own.
//!
//! # Cancelling
//! Dropping a [`Generation`] is the only way to cancel and always works: the engine looks before every token and every
//! chunk of a prompt, and never starts a request whose generation is gone.
//!
//! # Slow readers
//! A reader that does not read must not hold up the requests behind it, so the engine never waits for one. Each
//! generation's channel has room for the longest answer that the model's context allows; a stalled reader costs some
//! hundred kilobytes until its deadline or the gateway's own timeout ends it.

mod engine;
mod generation;
mod progress;
mod rehearsal;
mod request;
mod sequence;
mod stop;
mod worker;

pub use self::engine::{ChatEngine, ChatModel, ChatSettings, StartError};
pub use self::generation::{Event, Finish, GenerateError, Generation, Usage};
pub use self::request::ChatRequest;
pub use crate::queue::SubmitError;
pub use crate::template::{Message, Role};

#[cfg(test)]
mod forecast_tests;
#[cfg(test)]
mod tests;
