//! What Amazon Web Services have in common: credentials, signatures (version 4), errors, addresses.
//!
//! The signer is our own rather than AWS's crate because a request is signed on every attempt: with a key kept for the day it takes half
//! the instructions (`bench/benches/sigv4.rs`), and it passes the same vectors. It is pure; the caller tells the time and keeps the
//! [`SigningKey`], which costs four HMACs to derive and serves for a day.

mod authorization;
mod canonical;
mod class;
mod credentials;
mod error;
mod event_stream;
mod host;
mod key;
mod path;
mod presign;
mod segment;
mod sign;
mod timestamp;
#[cfg(test)]
mod vectors;

pub use class::{is_throttled, is_unauthenticated};
pub use credentials::Credentials;
pub use error::{error_message, error_type};
pub(crate) use event_stream::expect_event_stream;
pub use host::{dns_suffix, partition};
pub use key::SigningKey;
pub use presign::{BearerService, bearer_token, presign};
pub(crate) use segment::path_segment;
pub use sign::{SignError, sign, sign_with};
