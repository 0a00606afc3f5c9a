//! The Hugging Face hub over plain HTTPS: a GET that follows redirects and continues where an earlier one stopped.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use ureq::http::StatusCode;
use ureq::http::header::{CONTENT_RANGE, RANGE};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::SourceError;
use super::part::Part;
use super::progress::Progress;
use crate::manifest::File;

/// Short, so that a machine without a way to the hub is soon at the next source.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A hub that accepted the connection but says nothing for so long is stuck.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a download that broke within a file is continued at once.
const CONTINUATIONS: usize = 5;

/// A server with the hub's URL scheme.
#[derive(Debug, Clone)]
pub(super) struct Hub {
    base_url: String,
}

impl Hub {
    pub(super) fn public() -> Self {
        Self::at("https://huggingface.co")
    }

    pub(super) fn at(base_url: &str) -> Self {
        Self { base_url: base_url.trim_end_matches('/').to_owned() }
    }

    /// Puts the file at this path of the hub into the folder.
    pub(super) fn download(&self, path: &str, file: &File, folder: &Path, progress: &dyn Progress) -> Result<(), SourceError> {
        let url = format!("{}/{path}", self.base_url);
        let agent = agent();
        let mut meter = progress.begin(file.name.as_str(), Some(file.size));
        let mut part = Part::resume(file, folder)?;
        let mut left = CONTINUATIONS;
        while !part.is_complete() {
            let before = part.length();
            match get(&agent, &url, &mut part).and_then(|body| part.append(body, meter.as_mut())) {
                Ok(()) if part.length() > before => {}
                Ok(()) => break,
                // Only a try that brought something gives hope for the next.
                Err(SourceError::Interrupted { .. }) if part.length() > before && left > 0 => left -= 1,
                Err(error) => return Err(error),
            }
        }
        part.finish()
    }
}

/// Asks for what the part lacks. A server that sends the whole file instead makes the part begin again.
fn get(agent: &ureq::Agent, url: &str, part: &mut Part<'_>) -> Result<ureq::BodyReader<'static>, SourceError> {
    let mut request = agent.get(url);
    if part.length() > 0 {
        request = request.header(RANGE, format!("bytes={}-", part.length()));
    }
    let response = request.call().map_err(|error| SourceError::Http { url: url.to_owned(), source: Box::new(error) })?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT => {
            let continues = response
                .headers()
                .get(CONTENT_RANGE)
                .and_then(|range| range.to_str().ok())
                .is_some_and(|range| range.starts_with(&format!("bytes {}-", part.length())));
            if !continues {
                let status = StatusCode::PARTIAL_CONTENT.as_u16();
                return Err(SourceError::Status { url: url.to_owned(), status });
            }
        }
        StatusCode::OK => part.restart()?,
        status => {
            return Err(SourceError::Status { url: url.to_owned(), status: status.as_u16() });
        }
    }
    Ok(response.into_body().into_reader())
}

fn agent() -> ureq::Agent {
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
    ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(SILENCE_TIMEOUT))
        .timeout_per_read(Some(SILENCE_TIMEOUT))
        .build()
        .into()
}
