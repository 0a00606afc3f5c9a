//! The chat engine: conversations (or plain prompts) in, streamed text out, many at a time (continuous batching).
//!
//! # The way of a request
//! A handle puts it on the `intake`, where one thread makes a `prompt` of it and another, the `worker`, computes. The worker goes step by
//! step: the `schedule` says which tokens of which sequences a step computes, a `pass` computes them, and every `answer` that has got logits
//! chooses its token. Between two steps requests come and go. What follows from that for the next request is the `outlook`.
//!
//! # The same answer in any company
//! What a request is answered depends on itself alone: sequences share the cache only where their tokens are the same, and random numbers
//! belong to a seed and a place.
//!
//! # Cancelling
//! Dropping a [`Generation`] is the only way to cancel and always works: the engine looks before every step, and never starts a request whose
//! generation is gone. What it held of the cache is free with the next step.
//!
//! # Slow readers
//! A reader that does not read must not hold up the requests beside it, so the engine never waits for one. What is not read waits in the
//! request's `outbox`, and the request takes no step until it is; after half a minute it is given up, and told so.
//!
//! # Grammars and functions
//! Both are made ready [before](ChatEngine::compile) a request is queued. From then on a grammar is an answer's own: its `guide` says which
//! tokens may come, in a thread beside the one that computes, and adds at once those that must. Functions are such a grammar as well, from
//! the place on where a call begins.

mod answer;
mod engine;
mod familiar;
mod generation;
mod grammars;
mod guide;
mod intake;
mod masks;
mod ongoing;
mod outbox;
mod outlook;
mod pass;
mod play;
mod prompt;
mod rehearsal;
mod request;
mod scene;
mod schedule;
mod speech;
mod stop;
mod worker;

pub use self::engine::{ChatEngine, ChatModel, ChatSettings, StartError};
pub use self::generation::{Event, Finish, GenerateError, Generation, LikelyToken, TokenLikelihood, Usage};
pub use self::outlook::CacheUse;
pub use self::request::{ChatRequest, Priority, Prompt, Tenant};
pub use crate::queue::SubmitError;
pub use crate::template::{Message, Role};

#[cfg(test)]
pub(crate) mod tests;
