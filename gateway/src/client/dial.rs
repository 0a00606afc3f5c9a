//! Opens the TCP connection of a backend: to the address in the request, to another in its place, or through a proxy.
//!
//! A backend behind a private address (PrivateLink, a Knative gateway) is asked for by its own name: the request carries that name, and
//! with it `Host`, `:authority`, the name in TLS and what AWS's signature covers are right by themselves. Only here, below all of them,
//! is the name replaced by the address.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{
    Uri,
    uri::{Authority, InvalidUri, Scheme},
};
use hyper_util::{
    client::legacy::connect::{HttpConnector, proxy::Tunnel},
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A name that is asked for, and the address where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostOverride {
    name: Authority,
    address: Authority,
}

impl HostOverride {
    /// Requests to `address` ask for `name`, which may have a port.
    ///
    /// # Errors
    /// `name` is no name of a host.
    pub fn new(name: &str, address: &Authority) -> Result<Self, InvalidUri> {
        Ok(Self { name: name.parse()?, address: address.clone() })
    }

    /// The URI to ask for, instead of one at the address. A URI at another address stays as it is.
    #[must_use]
    pub fn apply(&self, uri: Uri) -> Uri {
        if uri.authority() == Some(&self.address) { with_authority(uri, self.name.clone()) } else { uri }
    }

    /// Where to connect to.
    fn resolve(&self, uri: Uri) -> Uri {
        if uri.authority() == Some(&self.name) { with_authority(uri, self.address.clone()) } else { uri }
    }
}

/// The same URI at another authority; one without any, which nobody can be asked for, stays as it is.
fn with_authority(uri: Uri, authority: Authority) -> Uri {
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(authority);
    Uri::from_parts(parts).unwrap_or(uri)
}

/// Opens TCP connections.
#[derive(Debug, Clone)]
pub struct Dial {
    pub(super) tcp: HttpConnector,
    pub(super) host: Option<HostOverride>,
    pub(super) proxy: Option<Uri>,
}

impl Service<Uri> for Dial {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let uri = match &self.host {
            Some(host) => host.resolve(uri),
            None => uri,
        };
        match &self.proxy {
            Some(proxy) => {
                let tunnelling = Tunnel::new(proxy.clone(), self.tcp.clone()).call(with_port(uri));
                Box::pin(async move { tunnelling.await.map_err(Into::into) })
            }
            None => {
                let connecting = self.tcp.call(uri);
                Box::pin(async move { connecting.await.map_err(Into::into) })
            }
        }
    }
}

/// With the port of the scheme where none is named: a tunnel would take any for that of `https`.
fn with_port(uri: Uri) -> Uri {
    let port = if uri.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
    match (uri.port(), uri.host().map(|host| format!("{host}:{port}").parse::<Authority>())) {
        (None, Some(Ok(authority))) => with_authority(uri, authority),
        _ => uri,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_asks_for_the_name_and_goes_to_the_address() {
        let address = Authority::from_static("vpce-1.example.com:8443");
        let host = HostOverride::new("bedrock-runtime.us-east-1.amazonaws.com", &address).unwrap();
        let asked = host.apply(Uri::from_static("https://vpce-1.example.com:8443/model/x%3A0/converse?a=b"));
        assert_eq!(asked, "https://bedrock-runtime.us-east-1.amazonaws.com/model/x%3A0/converse?a=b");
        assert_eq!(host.resolve(asked).authority(), Some(&address));
        assert_eq!(host.apply(Uri::from_static("https://elsewhere/rerank")), "https://elsewhere/rerank");
    }

    #[test]
    fn a_tunnel_leads_to_the_port_of_the_scheme() {
        assert_eq!(with_port(Uri::from_static("http://h/x")), "http://h:80/x");
        assert_eq!(with_port(Uri::from_static("https://h/x")), "https://h:443/x");
        assert_eq!(with_port(Uri::from_static("http://[::1]/x")), "http://[::1]:80/x");
        assert_eq!(with_port(Uri::from_static("http://h:8080/x")), "http://h:8080/x");
    }
}
