//! Why there is no credential.

use std::time::Duration;

use http::StatusCode;

use super::SecretError;

/// Why there is no credential. None of these holds a secret, nor anything that was sent to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// A secret cannot be read where the policy says.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The policy, the environment or a credentials file lacks something, or asks for what is not supported: an operator must act.
    #[error("{0}")]
    Configuration(String),
    /// An endpoint gave no credential.
    #[error("{endpoint} gave no credential: {fault}")]
    Endpoint {
        /// Its address, without query.
        endpoint: String,
        /// What went wrong.
        fault: EndpointFault,
    },
    /// The request cannot be signed.
    #[error("cannot sign the request: {0}")]
    Signing(String),
}

/// What went wrong with an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointFault {
    /// There is no connection, or it broke.
    #[error("it cannot be reached ({0})")]
    Unreachable(String),
    /// It took too long.
    #[error("it did not answer within {}", humantime::format_duration(*.0))]
    TimedOut(Duration),
    /// It refused.
    #[error("status {}{}", .status.as_u16(), .detail.as_deref().map(|detail| format!(", {detail}")).unwrap_or_default())]
    Refused {
        /// With this.
        status: StatusCode,
        /// Its own words, without what was sent to it.
        detail: Option<String>,
    },
    /// It answered, but not with a credential.
    #[error("its answer is no credential: {0}")]
    Malformed(String),
}

impl CredentialError {
    pub(super) fn configuration(text: impl Into<String>) -> Self {
        Self::Configuration(text.into())
    }
}
