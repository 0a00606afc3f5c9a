//! The client credentials grant of Entra: an application proves itself by a secret, or by a token that Kubernetes gave it.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use http::Uri;

use super::{AUTHORITY, lacks};
use crate::credential::{
    CredentialError, Fresh, Secret, Source, Surroundings,
    exchange::Patience,
    form,
    secrets::{SecretSource, read_file},
    token::read_token,
};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An application.
#[derive(Debug)]
pub(super) struct Application {
    token_url: Uri,
    client_id: String,
    proof: Proof,
    scope: String,
    surroundings: Surroundings,
}

/// How an application proves that it is itself.
#[derive(Debug)]
pub(super) enum Proof {
    /// By its secret.
    Secret(SecretSource),
    /// By the token in a file, which is replaced now and then: read anew for each exchange.
    TokenFile(PathBuf),
}

impl Application {
    pub(super) fn new(
        authority: Option<String>,
        tenant_id: Option<String>,
        client_id: Option<String>,
        proof: Proof,
        scope: String,
        surroundings: &Surroundings,
    ) -> Result<Self, CredentialError> {
        let variable = |name| surroundings.variables.get(name);
        let authority = authority.or_else(|| variable("AZURE_AUTHORITY_HOST")).unwrap_or_else(|| AUTHORITY.to_owned());
        let tenant = tenant_id.or_else(|| variable("AZURE_TENANT_ID")).ok_or_else(|| lacks("tenant_id", "AZURE_TENANT_ID"))?;
        let client_id = client_id.or_else(|| variable("AZURE_CLIENT_ID")).ok_or_else(|| lacks("client_id", "AZURE_CLIENT_ID"))?;
        let token_url = form::uri(format!("{}/{tenant}/oauth2/v2.0/token", authority.trim_end_matches('/')))?;
        Ok(Self { token_url, client_id, proof, scope, surroundings: surroundings.clone() })
    }
}

impl Source<Secret> for Application {
    fn obtain(&self) -> BoxFuture<'_, Result<Fresh<Secret>, CredentialError>> {
        Box::pin(async move {
            let mut fields =
                vec![("grant_type", "client_credentials"), ("client_id", self.client_id.as_str()), ("scope", &self.scope)];
            let proof = match &self.proof {
                Proof::Secret(secret) => secret.read().await?,
                Proof::TokenFile(path) => Secret::of(&read_file(path).await?, &path.display().to_string())?,
            };
            match &self.proof {
                Proof::Secret(_) => fields.push(("client_secret", proof.expose())),
                Proof::TokenFile(_) => {
                    fields.extend([("client_assertion_type", JWT_BEARER), ("client_assertion", proof.expose())]);
                }
            }
            let request = form::post(self.token_url.clone(), &fields);
            read_token(&self.surroundings.ask(request, Patience::REMOTE).await?)
        })
    }
}
