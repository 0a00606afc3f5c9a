//! Where the operations live below a base address.

use http::{Uri, uri::InvalidUri};
use tradewind_protocol::Operation;

/// The addresses of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    chat: Uri,
    embeddings: Uri,
}

/// Why a base address is not one.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// It is not an address at all.
    #[error("`{0}` is not an address: {1}; give one like https://api.openai.com/v1")]
    Invalid(String, InvalidUri),
    /// It has no scheme, another one than HTTP's, or no host.
    #[error("`{0}` must begin with https:// or http:// and name a host, like https://api.openai.com/v1")]
    NotHttp(String),
    /// It has a query, where paths cannot be appended.
    #[error("`{0}` must not have a query")]
    HasQuery(String),
}

impl Endpoint {
    /// The server whose API begins at `base_url`, such as `http://127.0.0.1:8000/v1`.
    ///
    /// # Errors
    /// [`EndpointError`], where the address cannot be one.
    pub fn new(base_url: &str) -> Result<Self, EndpointError> {
        let parse = |url: &str| url.parse::<Uri>().map_err(|error| EndpointError::Invalid(base_url.to_owned(), error));
        let base = parse(base_url)?;
        if !matches!(base.scheme_str(), Some("http" | "https")) || base.host().is_none_or(str::is_empty) {
            return Err(EndpointError::NotHttp(base_url.to_owned()));
        }
        if base.query().is_some() {
            return Err(EndpointError::HasQuery(base_url.to_owned()));
        }
        let below = |path: &str| parse(&format!("{}/{path}", base_url.trim_end_matches('/')));
        Ok(Self { chat: below("chat/completions")?, embeddings: below("embeddings")? })
    }

    /// Where to send an operation, by POST.
    #[must_use]
    pub const fn uri(&self, operation: Operation) -> &Uri {
        match operation {
            Operation::Chat => &self.chat,
            Operation::Embeddings => &self.embeddings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_makes_no_difference() {
        for base in ["http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1/"] {
            let endpoint = Endpoint::new(base).unwrap();
            assert_eq!(endpoint.uri(Operation::Chat), "http://127.0.0.1:8000/v1/chat/completions");
            assert_eq!(endpoint.uri(Operation::Embeddings), "http://127.0.0.1:8000/v1/embeddings");
        }
    }

    #[test]
    fn what_is_no_base_address_is_refused() {
        for base in ["api.openai.com/v1", "ftp://host/v1", "https:///v1", "https://host/v1?key=1", "/v1", ""] {
            assert!(Endpoint::new(base).is_err(), "{base}");
        }
    }
}
