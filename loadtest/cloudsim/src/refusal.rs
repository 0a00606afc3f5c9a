//! Why a request is not answered, in nobody's dialect: each cloud says it in its own manner.

use std::time::Duration;

/// A request that is refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The status that most clouds use; a cloud's manner may choose another.
    pub(crate) status: u16,
    pub(crate) why: Why,
    pub(crate) message: String,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// No credential came along.
    NoCredential,
    /// The credential is not one of this cloud's.
    WrongCredential,
    /// The credential was good once.
    Expired,
    /// There is nothing at that path.
    UnknownUrl,
    /// The model is not served here.
    UnknownModel,
    /// A field is missing, unknown or wrong; named as in `messages[2].content`.
    Invalid {
        /// Which; none where the request as a whole is wrong.
        field: Option<String>,
    },
    /// What was asked is not to be answered.
    Filtered,
    /// Too much was asked in too short a time.
    RateLimited {
        /// When to come back.
        after: Duration,
    },
    /// A fault of the cloud's own, or whatever else a script wants to see.
    Scripted,
}

impl Refusal {
    pub(crate) fn new(status: u16, why: Why, message: impl Into<String>) -> Self {
        Self { status, why, message: message.into() }
    }

    /// A 400 that blames one field.
    pub(crate) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(400, Why::Invalid { field: Some(field.into()) }, message)
    }

    /// A scripted status.
    pub(crate) fn scripted(status: u16) -> Self {
        Self::new(status, Why::Scripted, format!("Simulated status {status}."))
    }

    /// A 429 that asks to come back later.
    pub(crate) fn rate_limited(after: Duration) -> Self {
        let message = format!("Rate limit reached. Try again in {} s.", after.as_secs());
        Self::new(429, Why::RateLimited { after }, message)
    }

    /// What follows the expiry of a credential between its issue and its use.
    pub(crate) fn expired() -> Self {
        Self::new(401, Why::Expired, "The access token has expired.")
    }

    /// A path that is not served.
    pub(crate) fn unknown_url(method: &http::Method, path: &str) -> Self {
        Self::new(404, Why::UnknownUrl, format!("Unknown request URL: {method} {path}"))
    }

    /// A model that is not served.
    pub(crate) fn unknown_model(model: &str) -> Self {
        Self::new(404, Why::UnknownModel, format!("The model '{model}' does not exist or you do not have access to it."))
    }
}
