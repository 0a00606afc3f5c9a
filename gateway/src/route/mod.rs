//! Layer 15: from the model that was asked for to the backends that may serve it, and what each of them promises.
//!
//! The decision is [`tradewind_policies`]' alone; here lives what it decides by: the live state of each deployment.

mod canary;
mod candidates;
mod deployment;
mod drain;
mod layer;
mod needs;
mod prompts;
mod server;
mod shadow;
mod state;

pub use canary::{Kept, LiveCanary, Watch};
pub use candidates::{Candidates, Chosen, Like, Planned, ask, predicted};
pub use deployment::{Deployment, Run, Site};
pub use drain::{Drains, Switch};
pub use layer::{Route, RouteLayer, Routed, goes_on};
pub use prompts::Prefix;
pub use server::{Occupied, Server};
pub use shadow::Drawn;
pub use state::RouteState;
