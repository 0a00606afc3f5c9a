//! Layer 15: from the model that was asked for to the backends that may serve it, in the order in which to try them.
//!
//! The decision is [`tradewind_policies`]' alone; here lives what it decides by: the live state of each deployment.

mod deployment;
mod layer;

pub use deployment::{Deployment, Run};
pub use layer::{Planned, Route, RouteLayer, Routed};
