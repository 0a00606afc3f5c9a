//! The identity of an Azure machine (instance metadata service) or of an App Service, Container App or Function.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, StatusCode, Uri};
use serde::Deserialize;

use crate::credential::{
    CredentialError, Fresh, Life, Secret, Source, Surroundings,
    exchange::{Patience, Reply, is_passing},
    form,
    token::Seconds,
};

const METADATA: &str = "http://169.254.169.254";

/// The metadata service answers 404 and 410 while it is being updated, the latter for up to 70 s; the pauses are together longer.
const PATIENCE: Patience = Patience {
    timeout: Duration::from_secs(5),
    pauses: &[
        Duration::from_secs(1),
        Duration::from_secs(2),
        Duration::from_secs(4),
        Duration::from_secs(8),
        Duration::from_secs(16),
        Duration::from_secs(20),
        Duration::from_secs(20),
    ],
    again: |status| is_passing(status) || matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE),
};

/// The identity of where the gateway runs.
#[derive(Debug)]
pub(super) struct ManagedIdentity {
    uri: Uri,
    service: Service,
    surroundings: Surroundings,
}

#[derive(Debug)]
enum Service {
    /// Of a machine.
    Metadata,
    /// Of an App Service, which is asked with this.
    App(Secret),
}

impl ManagedIdentity {
    /// `client_id` chooses among several identities.
    pub(super) fn new(client_id: Option<String>, scope: &str, surroundings: &Surroundings) -> Result<Self, CredentialError> {
        let variable = |name| surroundings.variables.get(name);
        let (base, version, service) = match (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER")) {
            (Some(endpoint), Some(header)) => (endpoint, "2019-08-01", Service::App(Secret::of(&header, "IDENTITY_HEADER")?)),
            _ => {
                let host = variable("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap_or_else(|| METADATA.to_owned());
                (format!("{}/metadata/identity/oauth2/token", host.trim_end_matches('/')), "2018-02-01", Service::Metadata)
            }
        };
        // The older protocol names the resource that the scope is of.
        let resource = form::encode(scope.strip_suffix("/.default").unwrap_or(scope));
        let mut address = format!("{base}?api-version={version}&resource={resource}");
        if let Some(client_id) = client_id {
            address.push_str(&format!("&client_id={}", form::encode(&client_id)));
        }
        Ok(Self { uri: form::uri(address)?, service, surroundings: surroundings.clone() })
    }
}

impl Source<Secret> for ManagedIdentity {
    fn obtain(&self) -> BoxFuture<'_, Result<Fresh<Secret>, CredentialError>> {
        Box::pin(async move {
            let mut request = Request::new(Bytes::new());
            *request.uri_mut() = self.uri.clone();
            let patience = match &self.service {
                Service::Metadata => {
                    request.headers_mut().insert("metadata", HeaderValue::from_static("true"));
                    PATIENCE
                }
                Service::App(header) => {
                    request.headers_mut().insert("x-identity-header", header.header("", "IDENTITY_HEADER")?);
                    Patience::REMOTE
                }
            };
            read(&self.surroundings.ask(request, patience).await?, &self.surroundings)
        })
    }
}

/// The life is told as a number or a text, by what remains or by when it ends.
fn read(reply: &Reply, surroundings: &Surroundings) -> Result<Fresh<Secret>, CredentialError> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
        expires_in: Option<Seconds>,
        expires_on: Option<Seconds>,
    }
    let answer: Answer = reply.json()?;
    let remaining = answer.expires_in.as_ref().and_then(Seconds::duration);
    let until = || {
        let end = UNIX_EPOCH.checked_add(answer.expires_on.as_ref()?.duration()?)?;
        Some(surroundings.clock.until(end))
    };
    let lifetime = remaining.or_else(until);
    let lifetime = lifetime.ok_or_else(|| reply.malformed("neither `expires_in` nor `expires_on` is a number of seconds"))?;
    Ok(Fresh { value: Secret::of(&answer.access_token, "`access_token`")?, life: Life::token(lifetime) })
}
