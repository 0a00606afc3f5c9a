//! The engine with a decoder that checks what it is given.

mod answers;
pub(crate) mod fake;
mod faults;
mod forecasts;
mod grammars;
mod prompts;
mod properties;
mod readers;
pub(crate) mod rig;
mod scheduling;
mod tools;
