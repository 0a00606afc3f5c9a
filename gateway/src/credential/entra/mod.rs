//! Tokens of Microsoft Entra ID: for an application with a secret or a federated token, or for the identity of the machine.

mod application;
mod managed;

use tradewind_policies::spec::{EntraCredential, EntraSource, SecretRef};

use self::{
    application::{Application, Proof},
    managed::ManagedIdentity,
};
use super::{CredentialError, Secret, Source, Surroundings, secrets::SecretSource};

const AUTHORITY: &str = "https://login.microsoftonline.com";

/// Where the policy says that tokens come from; `scope` is what they are for where the policy does not say.
pub(super) fn source(
    credential: &EntraCredential,
    scope: Option<&str>,
    surroundings: &Surroundings,
) -> Result<Box<dyn Source<Secret>>, CredentialError> {
    let scope = credential.scope.as_deref().or(scope);
    let missing = || CredentialError::configuration("a credential of Entra needs `scope` for this provider");
    let scope = scope.ok_or_else(missing)?.to_owned();
    let authority = credential.authority.as_ref().map(ToString::to_string);
    let application = |tenant: &Option<String>, client: &Option<String>, proof| {
        Application::new(authority.clone(), tenant.clone(), client.clone(), proof, scope.clone(), surroundings)
    };
    Ok(match &credential.source {
        EntraSource::ClientSecret { tenant_id, client_id, client_secret } => {
            let proof = Proof::Secret(SecretSource::new(client_secret, surroundings)?);
            Box::new(application(tenant_id, client_id, proof)?)
        }
        EntraSource::WorkloadIdentity { tenant_id, client_id, token_file } => {
            let file = token_file.clone().or_else(|| surroundings.variables.get("AZURE_FEDERATED_TOKEN_FILE").map(Into::into));
            let file = file.ok_or_else(|| lacks("token_file", "AZURE_FEDERATED_TOKEN_FILE"))?;
            Box::new(application(tenant_id, client_id, Proof::TokenFile(file))?)
        }
        EntraSource::ManagedIdentity { client_id } => Box::new(ManagedIdentity::new(client_id.clone(), &scope, surroundings)?),
    })
}

/// What the environment alone says: a secret, a federated token, or else the identity of the machine.
pub(super) fn of_environment(scope: &str, surroundings: &Surroundings) -> Result<Box<dyn Source<Secret>>, CredentialError> {
    const SECRET: &str = "AZURE_CLIENT_SECRET";
    let has = |name| surroundings.variables.get(name).is_some();
    let source = if has(SECRET) {
        EntraSource::ClientSecret { tenant_id: None, client_id: None, client_secret: SecretRef::Env(SECRET.to_owned()) }
    } else if has("AZURE_FEDERATED_TOKEN_FILE") {
        EntraSource::WorkloadIdentity { tenant_id: None, client_id: None, token_file: None }
    } else {
        EntraSource::ManagedIdentity { client_id: surroundings.variables.get("AZURE_CLIENT_ID") }
    };
    self::source(&EntraCredential { source, scope: None, authority: None }, Some(scope), surroundings)
}

fn lacks(key: &str, variable: &str) -> CredentialError {
    CredentialError::configuration(format!("a credential of Entra needs `{key}`, or the environment variable {variable}"))
}
