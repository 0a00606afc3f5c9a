//! What backends are shown, and how it is had: keys, tokens of the clouds' identity providers, signatures.
//!
//! An [`Authorizer`] is made once a backend from the policy's words, and is the last to touch a request before the socket. Behind it
//! stands a source, one file a way to a credential (a file, a token endpoint, a metadata service), that knows how to get a fresh one and
//! how long it lasts, and nothing of time or of other requests. In between, [`Refreshing`] keeps the current one, so that a request
//! reads it without waiting, and renews it ahead of its end.
//!
//! A secret is a [`Secret`], which debug output shows as `[redacted]`. Errors name the place of a secret and what an endpoint said, never
//! what was sent to it.

mod authorizer;
mod aws;
mod entra;
mod error;
mod exchange;
mod form;
mod google;
mod ibm;
mod jwt;
mod life;
mod manager;
mod oauth;
mod purpose;
mod refreshing;
mod refusal;
mod secret;
mod secrets;
mod snowflake;
mod surroundings;
mod token;

#[cfg(test)]
mod tests;

pub use authorizer::{Authorizer, Shown};
pub use error::{CredentialError, EndpointFault};
pub use life::{Fresh, Life};
pub use refreshing::{Held, Refreshing, Retry, Source};
pub use secret::{Secret, SecretError};
pub use secrets::{at_hand, fetch};
pub use surroundings::{Clock, Surroundings, Variables};
