//! HashiCorp Vault's key-value engine, version 2. The gateway shows the token that an agent beside it, or an operator, provides.

use bytes::Bytes;
use http::{HeaderValue, Request};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::credential::{CredentialError, Secret, SecretError, Surroundings, exchange::Patience, form, secrets::read_file};

/// One key of what lies at a path.
pub(in crate::credential) struct VaultSecret<'a> {
    /// Where the engine is mounted.
    pub(in crate::credential) mount: &'a str,
    pub(in crate::credential) path: &'a str,
    pub(in crate::credential) key: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    data: Versioned,
}

#[derive(Deserialize)]
struct Versioned {
    data: Map<String, Value>,
}

impl VaultSecret<'_> {
    pub(in crate::credential) async fn read(&self, place: &str, surroundings: &Surroundings) -> Result<String, CredentialError> {
        let variable = |name| surroundings.variables.get(name);
        let address = variable("VAULT_ADDR");
        let address = address
            .ok_or_else(|| CredentialError::configuration(format!("{place} needs the environment variable VAULT_ADDR")))?;
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = form::uri(format!("{}/v1/{}/data/{}", address.trim_end_matches('/'), self.mount, self.path))?;
        let headers = request.headers_mut();
        headers.insert("x-vault-token", token(surroundings).await?.header("", "the token of Vault")?);
        // An agent in between asks for this, so that no page in a browser can be made to ask it.
        headers.insert("x-vault-request", HeaderValue::from_static("true"));
        if let Some(namespace) = variable("VAULT_NAMESPACE") {
            let fault = |_| CredentialError::configuration("VAULT_NAMESPACE holds characters that no namespace has");
            headers.insert("x-vault-namespace", HeaderValue::try_from(namespace).map_err(fault)?);
        }
        let answer: Answer = surroundings.ask(request, Patience::REMOTE).await?.json()?;
        let found = answer.data.data.get(self.key).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| SecretError::NoMember { place: place.to_owned(), key: self.key.to_owned() }.into())
    }
}

/// `VAULT_TOKEN`, or a file, read each time: the one that `VAULT_TOKEN_FILE` names (an agent's sink), or the one that `vault login` leaves.
async fn token(surroundings: &Surroundings) -> Result<Secret, CredentialError> {
    let variables = &surroundings.variables;
    if let Some(token) = variables.get("VAULT_TOKEN") {
        return Ok(Secret::of(&token, "VAULT_TOKEN")?);
    }
    let file = variables.get("VAULT_TOKEN_FILE").map(Into::into).or_else(|| variables.below_home(".vault-token"));
    let absent = || CredentialError::configuration("there is no token of Vault: set VAULT_TOKEN or VAULT_TOKEN_FILE");
    let file = file.ok_or_else(absent)?;
    Ok(Secret::of(&read_file(&file).await?, &file.display().to_string())?)
}
