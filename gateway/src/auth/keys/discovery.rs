//! Finding an issuer's JWKS from its URL: OpenID Connect Discovery 1.0 and RFC 8414.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Uri};
use serde::Deserialize;

use super::source::LoadError;
use crate::auth::{Fetch, FetchError};

/// A discovery document or a JWKS is a few KiB.
const MAX_BODY: usize = 1 << 20;
/// For one document. Requests may be waiting for it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An issuer that can be asked for its keys.
#[derive(Debug)]
pub(in crate::auth) struct Discovery {
    issuer: String,
    /// Where the document may be, best guess first.
    documents: [Uri; 2],
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

impl Discovery {
    /// Checks that the issuer is a URL which may be asked.
    ///
    /// # Errors
    /// Says why not.
    pub(in crate::auth) fn new(issuer: &str) -> Result<Self, &'static str> {
        let uri = safe_uri(issuer)?;
        if issuer.contains(['?', '#']) {
            return Err("it has a query or a fragment");
        }
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err("it is no URL");
        };
        let path = uri.path().trim_end_matches('/');
        let document = |text: String| text.parse().map_err(|_| "it is no URL");
        Ok(Self {
            issuer: issuer.to_owned(),
            documents: [
                document(format!("{scheme}://{authority}{path}/.well-known/openid-configuration"))?,
                document(format!("{scheme}://{authority}/.well-known/oauth-authorization-server{path}"))?,
            ],
        })
    }

    /// Asks the issuer where its keys are.
    pub(super) async fn jwks_uri(&self, fetch: &dyn Fetch) -> Result<Uri, LoadError> {
        let [first, second] = &self.documents;
        let body = match get(fetch, first).await {
            Err(LoadError::Fetch { reason: FetchError::Status(StatusCode::NOT_FOUND), .. }) => get(fetch, second).await,
            answer => answer,
        }?;
        let document: Document = serde_json::from_slice(&body).map_err(|error| LoadError::Document(error.to_string()))?;
        // Or else whoever controls one issuer's document could speak for another (RFC 8414, 3.3).
        if document.issuer != self.issuer {
            return Err(LoadError::OtherIssuer(document.issuer));
        }
        safe_uri(&document.jwks_uri).map_err(|reason| LoadError::BadUri { uri: document.jwks_uri, reason })
    }
}

/// Fetches a document within the limits.
pub(super) async fn get(fetch: &dyn Fetch, uri: &Uri) -> Result<Bytes, LoadError> {
    let answer = tokio::time::timeout(TIMEOUT, fetch.get(uri, MAX_BODY)).await;
    let answer = answer.unwrap_or(Err(FetchError::TimedOut(TIMEOUT)));
    answer.map_err(|reason| LoadError::Fetch { uri: uri.clone(), reason })
}

/// An https URL, or http to this machine: keys that somebody on the way can exchange prove nothing.
fn safe_uri(text: &str) -> Result<Uri, &'static str> {
    let uri: Uri = text.parse().map_err(|_| "it is no URL")?;
    let authority = uri.authority().ok_or("it is no absolute URL")?;
    if authority.as_str().contains('@') {
        return Err("it has a user name");
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let loopback = host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if loopback => Ok(uri),
        _ => Err("only https is safe, except to this machine"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_where_both_standards_put_them() {
        let texts = |issuer| Discovery::new(issuer).unwrap().documents.map(|uri| uri.to_string());
        assert_eq!(
            texts("https://id.example/realms/a/"),
            [
                "https://id.example/realms/a/.well-known/openid-configuration",
                "https://id.example/.well-known/oauth-authorization-server/realms/a",
            ]
        );
        assert_eq!(texts("https://id.example")[0], "https://id.example/.well-known/openid-configuration");
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in ["https://id.example", "http://localhost:1", "http://127.0.0.1:1/x", "http://[::1]:1"] {
            assert!(Discovery::new(good).is_ok(), "{good}");
        }
        let bad = ["http://id.example", "http://127.0.0.1.example", "http://localhost@id.example", "ftp://localhost"];
        for bad in
            bad.into_iter().chain(["tradewind-dev", "https://u:p@id.example", "https://id.example/?a", "https://id.example/#a"])
        {
            assert!(Discovery::new(bad).is_err(), "{bad}");
        }
    }
}
