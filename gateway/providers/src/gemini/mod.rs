//! Google AI Studio, the Gemini API.
//!
//! Vertex AI serves the same models in the same dialect behind its own addresses; its adapter takes [`capabilities`], [`judge`] and the
//! reader of answers from here.

mod adapter;
mod capabilities;
mod generate;
mod judge;
mod model;

pub use adapter::Gemini;
pub use capabilities::capabilities;
pub(crate) use generate::Generate;
pub use judge::judge;
