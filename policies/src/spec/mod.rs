//! What a policy says, resolved: the typed values that the gateway builds its backends from.

mod backend;
mod base_url;
mod route;
mod secret;
mod timeouts;

pub use backend::{BackendIndex, BackendSpec, HttpVersion, OpenAi, Provider, ServedModel};
pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use route::{MaxAttempts, Target};
pub(crate) use route::{RouteParts, RouteSpec};
pub use secret::{InvalidSecretRef, SecretRef};
pub(crate) use timeouts::TimeoutOverrides;
pub use timeouts::Timeouts;
