//! Vertex AI: Gemini in its own dialect, Claude in Anthropic's, and embeddings.

mod adapter;
mod location;
mod model;

pub use adapter::Vertex;
pub use location::InvalidSettings;
pub use model::ChatStyle;
