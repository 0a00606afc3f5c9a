//! The address of an upstream API, known to be one that paths can be appended to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;

/// An absolute `http` or `https` address without query, fragment, credentials or trailing slash, such as
/// `https://api.openai.com/v1`.
// Shared, because descriptions have room for several addresses, and most are not given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaseUrl(Arc<Uri>);

/// Why an address cannot be a base URL. The address itself is left out where it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBaseUrl {
    /// Not a URL at all, or one without scheme or host.
    #[error("`{0}` is not an absolute URL; accepted: one such as `https://api.openai.com/v1`")]
    NotAbsolute(String),
    /// A scheme that is not HTTP.
    #[error("scheme `{0}` is not supported; accepted: `https` and `http`")]
    Scheme(String),
    /// A password in the address.
    #[error("the URL contains credentials, which would end up in logs; remove them and use `secret`")]
    Credentials,
    /// Something after the path; often a key.
    #[error("the URL has a query or fragment, to which no path can be appended; remove it")]
    Query,
}

impl BaseUrl {
    /// The address as a URI; its path is `/` where none was written.
    pub fn uri(&self) -> &Uri {
        &self.0
    }

    /// Whether it leads to this machine alone.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.0.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// The address of `path`, which starts with `/`, below this one.
    ///
    /// # Errors
    ///
    /// `path` holds characters that a URI cannot.
    pub fn join(&self, path: &str) -> Result<Uri, http::uri::InvalidUri> {
        format!("{self}{path}").parse()
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        if text.contains('@') {
            return Err(InvalidBaseUrl::Credentials);
        }
        if text.contains(['?', '#']) {
            return Err(InvalidBaseUrl::Query);
        }
        let not_absolute = || InvalidBaseUrl::NotAbsolute(text.into());
        let uri: Uri = text.trim_end_matches('/').parse().map_err(|_| not_absolute())?;
        if uri.host().is_none_or(str::is_empty) {
            return Err(not_absolute());
        }
        match uri.scheme_str() {
            Some("https" | "http") => Ok(Self(Arc::new(uri))),
            Some(other) => Err(InvalidBaseUrl::Scheme(other.into())),
            None => Err(not_absolute()),
        }
    }
}

impl fmt::Display for BaseUrl {
    /// Without a trailing slash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_string().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_appended_with_one_slash() {
        for (base, joined) in [
            ("https://api.openai.com/v1", "https://api.openai.com/v1/models"),
            ("https://api.openai.com/v1/", "https://api.openai.com/v1/models"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000/models"),
            ("http://[::1]:8000/", "http://[::1]:8000/models"),
        ] {
            assert_eq!(base.parse::<BaseUrl>().unwrap().join("/models").unwrap(), joined);
        }
    }

    #[test]
    fn an_address_that_no_path_can_follow_is_refused() {
        for bad in ["", "api.openai.com/v1", "/v1", "https://", "ftp://host/", "http://h/v1?x=1", "http://h/#a", "http://a b/"] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_repeated() {
        let error = "https://user:hunter2@host/v1".parse::<BaseUrl>().unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
