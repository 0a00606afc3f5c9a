//! The adapter: one backend that speaks the Messages API.

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use tradewind_protocol::{
    Capabilities, Operation,
    anthropic::{self, Options, Version},
    chat::{Dropped, Target},
};

use super::{Host, Messages};
use crate::{Adapter, Ask, Authentication, Exchange, Judgement, PrepareError, Reader, Refusal};

/// One backend that speaks the Messages API.
#[derive(Debug, Clone)]
pub struct Anthropic {
    host: Host,
    version: Version,
    uri: Uri,
    betas: Option<HeaderValue>,
}

/// Why there can be no such backend.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    /// The address grows too long with the path of the operation.
    #[error("the address of the messages is not valid: {0}")]
    Address(#[from] http::uri::InvalidUri),
    /// A beta is no text for a header.
    #[error("the beta `{0}` cannot stand in a header; accepted: a name such as `context-1m-2025-08-07`")]
    Beta(String),
}

impl Anthropic {
    /// The backend at `base`, such as `https://api.anthropic.com`: what the host always puts between its address and `/messages` is added
    /// unless it stands there already. `betas` are values for the header `anthropic-beta`.
    ///
    /// # Errors
    /// [`InvalidSettings`].
    pub fn new(base: &Uri, host: Host, version: Version, betas: &[String]) -> Result<Self, InvalidSettings> {
        let base = base.to_string();
        let base = base.trim_end_matches('/').trim_end_matches("/v1");
        let prefix = if base.ends_with(host.prefix()) { "" } else { host.prefix() };
        let uri = format!("{base}{prefix}/v1/messages").parse()?;
        let is_name = |beta: &&String| !beta.is_empty() && beta.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
        if let Some(wrong) = betas.iter().find(|beta| !is_name(beta)) {
            return Err(InvalidSettings::Beta(wrong.clone()));
        }
        let joined = betas.join(",");
        let betas = HeaderValue::from_str(&joined).map_err(|_| InvalidSettings::Beta(joined))?;
        Ok(Self { host, version, uri, betas: Some(betas).filter(|betas| !betas.is_empty()) })
    }
}

impl Adapter for Anthropic {
    fn name(&self) -> &'static str {
        self.host.name()
    }

    fn authentication(&self) -> Authentication {
        self.host.authentication()
    }

    fn prepare(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        ask.check_begun_for_claude()?;
        let chat = match ask.operation {
            Operation::Chat => ask.payload.chat()?,
            Operation::Completions => ask.payload.completion()?,
            Operation::Embeddings | Operation::Rerank | Operation::Infer => {
                return Err(PrepareError::NotOffered(format!("Anthropic's API has no {}", ask.operation)));
            }
        };
        let mut dropped = Dropped::new();
        let target = Target { model: ask.model, capabilities: ask.capabilities };
        let options = Options { urls: self.host.urls(), ..Options::direct(self.version) };
        let body = anthropic::encode(chat, &target, &options, &mut dropped)?;
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("anthropic-version", HeaderValue::from_static(self.version.as_str()));
        if let Some(betas) = &self.betas {
            headers.insert("anthropic-beta", betas.clone());
        }
        Ok(Exchange { requests: vec![request], reader: Reader::Translated(Box::new(Messages)), dropped })
    }

    fn judge(&self, refusal: &Refusal<'_>) -> Judgement {
        super::judge(refusal)
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        super::capabilities(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(base: &str, host: Host) -> String {
        Anthropic::new(&base.parse().unwrap(), host, Version::default(), &[]).unwrap().uri.to_string()
    }

    #[test]
    fn the_messages_are_found_below_the_address_of_every_host() {
        for (base, host, expected) in [
            ("https://api.anthropic.com", Host::Anthropic, "https://api.anthropic.com/v1/messages"),
            ("https://api.anthropic.com/v1/", Host::Anthropic, "https://api.anthropic.com/v1/messages"),
            ("http://127.0.0.1:1/proxy", Host::Anthropic, "http://127.0.0.1:1/proxy/v1/messages"),
            ("https://r.services.ai.azure.com", Host::Foundry, "https://r.services.ai.azure.com/anthropic/v1/messages"),
            ("https://r.services.ai.azure.com/anthropic", Host::Foundry, "https://r.services.ai.azure.com/anthropic/v1/messages"),
            ("https://w.databricks.com", Host::Databricks, "https://w.databricks.com/serving-endpoints/anthropic/v1/messages"),
            ("https://a.snowflakecomputing.com", Host::Snowflake, "https://a.snowflakecomputing.com/api/v2/cortex/v1/messages"),
        ] {
            assert_eq!(address(base, host), expected);
        }
    }

    #[test]
    fn a_beta_that_no_header_can_hold_is_refused() {
        for beta in ["", "a b", "a,b", "a\nb", "ä"] {
            let made = Anthropic::new(&"http://h".parse().unwrap(), Host::Anthropic, Version::default(), &[beta.to_owned()]);
            assert!(matches!(made, Err(InvalidSettings::Beta(_))), "{beta:?}");
        }
    }
}
