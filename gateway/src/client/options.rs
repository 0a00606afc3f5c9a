//! What a client is set up with.

use std::{path::PathBuf, time::Duration};

use http::Uri;
use tradewind_policies::spec::{BaseUrl, ClientCertificate, Connection, HttpVersion};

use super::{HostOverride, TlsError};

/// What a client is set up with.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// How long a connection may take, name resolution, proxy and TLS included.
    pub connect: Duration,
    /// Which HTTP to speak.
    pub http: HttpVersion,
    /// A PEM file with the only authorities to trust, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// What to show of oneself in TLS.
    pub client_certificate: Option<ClientCertificate>,
    /// A proxy that connections go through, by `CONNECT`.
    pub proxy: Option<Uri>,
    /// The name to ask for, in place of an address. Requests have to pass [`HostOverride::apply`] before they are signed.
    pub host: Option<HostOverride>,
}

impl ClientOptions {
    /// A client of whatever the system trusts, without anything special.
    #[must_use]
    pub fn plain(connect: Duration) -> Self {
        Self { connect, http: HttpVersion::Auto, ca_file: None, client_certificate: None, proxy: None, host: None }
    }

    /// What the policy says of the way to a backend at `base_url`.
    ///
    /// # Errors
    /// [`TlsError::Host`], where the name to ask for is none.
    pub fn of(connection: &Connection, base_url: Option<&BaseUrl>, connect: Duration) -> Result<Self, TlsError> {
        let host = connection
            .host
            .as_ref()
            .zip(base_url.and_then(|base_url| base_url.uri().authority()))
            .map(|(name, address)| HostOverride::new(name, address).map_err(|_| TlsError::Host(name.clone())));
        Ok(Self {
            connect,
            http: connection.http,
            ca_file: connection.ca_file.clone(),
            client_certificate: connection.client_certificate.clone(),
            proxy: connection.proxy.as_ref().map(|proxy| proxy.uri().clone()),
            host: host.transpose()?,
        })
    }
}
