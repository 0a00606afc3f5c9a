//! Anthropic's Messages API, at Anthropic and at the hosts that serve it unchanged: Azure AI Foundry, Databricks, Snowflake.
//!
//! Bedrock and Vertex AI serve the same dialect behind their own addresses; their adapters take [`capabilities`], [`judge`] and
//! [`Messages`] from here.

mod adapter;
mod capabilities;
mod host;
mod judge;
mod messages;
mod rate_limit;
mod version;

pub use adapter::{Anthropic, InvalidSettings};
pub use capabilities::capabilities;
pub use host::Host;
pub use judge::judge;
pub use messages::Messages;
