//! Files of web servers: a GET that follows redirects and continues where an earlier one stopped.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use ureq::http::StatusCode;
use ureq::http::header::{AUTHORIZATION, CONTENT_RANGE, RANGE};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::SourceError;
use super::part::{Part, Pinned};
use super::progress::Progress;

/// Settings of a client.
type Config = ureq::config::ConfigBuilder<ureq::typestate::AgentScope>;

/// Short, so that a machine without a way to the hub is soon at the next source.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A hub that accepted the connection but says nothing for so long is stuck.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a download that broke within a file is continued at once.
const CONTINUATIONS: usize = 5;

/// A file of a server.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) url: String,
    /// What `Authorization` says, to this server and to none that it redirects to.
    pub(super) authorization: Option<String>,
}

impl Page {
    /// Puts the file into the folder.
    pub(super) fn download(&self, file: Pinned<'_>, folder: &Path, progress: &dyn Progress) -> Result<(), SourceError> {
        let agent = agent();
        let mut meter = progress.begin(file.name.as_str(), Some(file.size));
        let mut part = Part::resume(file, folder)?;
        let mut left = CONTINUATIONS;
        while !part.is_complete() {
            let before = part.length();
            match self.get(&agent, &mut part).and_then(|body| part.append(body, meter.as_mut())) {
                Ok(()) if part.length() > before => {}
                Ok(()) => break,
                // Only a try that brought something gives hope for the next.
                Err(SourceError::Interrupted { .. }) if part.length() > before && left > 0 => left -= 1,
                Err(error) => return Err(error),
            }
        }
        part.finish()
    }

    /// Asks for what the part lacks. A server that sends the whole file instead makes the part begin again.
    fn get(&self, agent: &ureq::Agent, part: &mut Part<'_>) -> Result<ureq::BodyReader<'static>, SourceError> {
        let url = &self.url;
        let mut request = agent.get(url);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if part.length() > 0 {
            request = request.header(RANGE, format!("bytes={}-", part.length()));
        }
        let response = request.call().map_err(|error| SourceError::Http { url: url.clone(), source: Box::new(error) })?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let continues = response
                    .headers()
                    .get(CONTENT_RANGE)
                    .and_then(|range| range.to_str().ok())
                    .is_some_and(|range| range.starts_with(&format!("bytes {}-", part.length())));
                if !continues {
                    let status = StatusCode::PARTIAL_CONTENT.as_u16();
                    return Err(SourceError::Status { url: url.clone(), status });
                }
            }
            StatusCode::OK => part.restart()?,
            status => {
                return Err(SourceError::Status { url: url.clone(), status: status.as_u16() });
            }
        }
        Ok(response.into_body().into_reader())
    }
}

/// A client that trusts whom the system trusts.
pub(super) fn agent() -> ureq::Agent {
    agent_of(|config| config)
}

/// The same, with further settings.
pub(super) fn agent_of(set: impl FnOnce(Config) -> Config) -> ureq::Agent {
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::debug!(%error, "a root certificate of the system cannot be read");
    }
    let roots = if native.certs.is_empty() {
        RootCerts::WebPki
    } else {
        RootCerts::Specific(Arc::new(native.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect()))
    };
    let tls = TlsConfig::builder()
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(SILENCE_TIMEOUT))
        .timeout_per_read(Some(SILENCE_TIMEOUT));
    set(config).build().into()
}
