//! What the simulated model says, in nobody's dialect. The clouds only differ in how they ask it and how they write it down.
//!
//! The model is simple and tells what reached it, so that a test sees whether a translation kept everything:
//!
//! - it calls the first tool it is offered, or the one that is named, with the least arguments its schema allows; two calls
//!   where the text says "both" and calls may be parallel; after the results it quotes them;
//! - where a JSON schema is asked for it gives the least instance of it;
//! - it says of every image what it is and how long;
//! - a prompt that says "forbidden" is filtered;
//! - asked to think, it thinks first, and signs the thought where the dialect has signatures;
//! - stop sequences and the limit of tokens cut its answer; a cache point in the prompt shows in its usage.

mod embedding;
mod perform;
mod prompt;
mod schema;
mod seal;

pub(crate) use embedding::{base64, ranked, vector};
pub(crate) use perform::{Call, Ending, Performance, Spent, perform};
pub(crate) use prompt::{Cache, Choice, Form, Image, Parallel, Prompt, Thinks, Tool, data_url, words};
pub(crate) use seal::{seal, sealed};
