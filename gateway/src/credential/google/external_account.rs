//! Workload identity federation: a token of another identity provider (Kubernetes, Azure, GitHub) is exchanged for Google's (RFC 8693).

use std::{collections::BTreeMap, path::PathBuf};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use serde::Deserialize;
use serde_json::Value;

use super::{SCOPE, impersonation};
use crate::credential::{
    CredentialError, Fresh, Secret, Surroundings, exchange::Patience, form, secrets::read_file, token::read_token,
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What the file says.
#[derive(Deserialize)]
pub(super) struct ExternalAccount {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: CredentialSource,
    service_account_impersonation_url: Option<String>,
    service_account_impersonation: Option<Impersonation>,
}

#[derive(Deserialize)]
struct Impersonation {
    token_lifetime_seconds: Option<u64>,
}

/// Where the other provider's token is. Exactly one of `file` and `url`; other sources (AWS, an executable, a certificate) have neither.
#[derive(Deserialize)]
struct CredentialSource {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize, Default)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Format {
    #[default]
    Text,
    Json {
        subject_token_field_name: String,
    },
}

impl ExternalAccount {
    pub(super) async fn token(&self, surroundings: &Surroundings) -> Result<Fresh<Secret>, CredentialError> {
        let subject = self.credential_source.token(surroundings).await?;
        let fields = [
            ("grant_type", GRANT),
            ("audience", &self.audience),
            ("scope", SCOPE),
            ("requested_token_type", ACCESS_TOKEN),
            ("subject_token", subject.expose()),
            ("subject_token_type", &self.subject_token_type),
        ];
        let request = form::post(form::uri(self.token_url.clone())?, &fields);
        let own = read_token(&surroundings.ask(request, Patience::REMOTE).await?)?;
        let Some(url) = &self.service_account_impersonation_url else {
            return Ok(own);
        };
        let lifetime = self.service_account_impersonation.as_ref().and_then(|told| told.token_lifetime_seconds);
        let whom = impersonation::Whom { url, delegates: &[], lifetime: lifetime.unwrap_or(impersonation::LIFETIME) };
        impersonation::token(&whom, &own.value, surroundings).await
    }
}

impl CredentialSource {
    async fn token(&self, surroundings: &Surroundings) -> Result<Secret, CredentialError> {
        let (text, place) = match (&self.file, &self.url) {
            (Some(path), None) => (read_file(path).await?, path.display().to_string()),
            (None, Some(url)) => {
                let mut request = Request::new(Bytes::new());
                *request.uri_mut() = form::uri(url.clone())?;
                for (name, value) in &self.headers {
                    let fault = || CredentialError::configuration(format!("`credential_source.headers.{name}` is no header"));
                    let name = HeaderName::try_from(name).map_err(|_| fault())?;
                    let mut value = HeaderValue::try_from(value).map_err(|_| fault())?;
                    value.set_sensitive(true);
                    request.headers_mut().insert(name, value);
                }
                let reply = surroundings.ask(request, Patience::REMOTE).await?;
                (reply.text()?.to_owned(), "the answer of `credential_source.url`".to_owned())
            }
            _ => {
                return Err(CredentialError::configuration(
                    "`credential_source` of the Google credentials file is not supported; accepted: exactly one of `file` and `url`",
                ));
            }
        };
        let Format::Json { subject_token_field_name: field } = &self.format else {
            return Ok(Secret::of(&text, &place)?);
        };
        let document: Option<Value> = serde_json::from_str(&text).ok();
        let token = document.as_ref().and_then(|document| document.get(field)?.as_str());
        let token =
            token.ok_or_else(|| CredentialError::configuration(format!("{place} is no JSON with text under `{field}`")))?;
        Ok(Secret::of(token, &place)?)
    }
}
