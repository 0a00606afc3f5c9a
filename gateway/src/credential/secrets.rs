//! Reads a secret where the policy says: environment, file, secret manager.

use std::{path::Path, time::Duration};

use futures_util::future::BoxFuture;
use tradewind_policies::spec::SecretRef;

use super::{
    CredentialError, Fresh, Life, Secret, SecretError, Source, Surroundings,
    manager::{AwsSecret, AzureSecret, GoogleSecret, VaultSecret},
};

/// A file is read again when it is used and this old: whoever rotates a key need not tell the gateway.
pub(super) const FILE_PERIOD: Duration = Duration::from_secs(1);
/// Secret managers are asked this often, and after a refusal. They bill by the call.
const MANAGER_PERIOD: Duration = Duration::from_secs(300);

/// A secret that is read where the policy says, each time anew.
#[derive(Debug, Clone)]
pub(super) struct SecretSource {
    place: SecretRef,
    surroundings: Surroundings,
}

impl SecretSource {
    pub(super) fn new(place: &SecretRef, surroundings: &Surroundings) -> Self {
        Self { place: place.clone(), surroundings: surroundings.clone() }
    }

    /// The place, as the policy writes it.
    pub(super) fn place(&self) -> String {
        self.place.to_string()
    }

    /// Reads it.
    pub(super) async fn read(&self) -> Result<Secret, CredentialError> {
        Ok(self.obtain().await?.value)
    }
}

impl Source<Secret> for SecretSource {
    fn obtain(&self) -> BoxFuture<'_, Result<Fresh<Secret>, CredentialError>> {
        Box::pin(async move {
            let (place, surroundings) = (self.place(), &self.surroundings);
            let (text, life) = match &self.place {
                SecretRef::Env(name) => {
                    let value = surroundings.variables.get(name);
                    (value.ok_or_else(|| SecretError::NoVariable(name.clone()))?, Life::FIXED)
                }
                SecretRef::File(path) => (read_file(path).await?, Life::reread(FILE_PERIOD)),
                SecretRef::AwsSecretsManager { name, key } => {
                    let secret = AwsSecret { name, key: key.as_deref() };
                    (secret.read(&place, surroundings).await?, Life::reread(MANAGER_PERIOD))
                }
                SecretRef::AzureKeyVault { vault, name, version } => {
                    let secret = AzureSecret { vault, name, version: version.as_deref() };
                    (secret.read(surroundings).await?, Life::reread(MANAGER_PERIOD))
                }
                SecretRef::GoogleSecretManager { project, name, version } => {
                    let secret = GoogleSecret { project, name, version: version.as_deref() };
                    (secret.read(surroundings).await?, Life::reread(MANAGER_PERIOD))
                }
                SecretRef::Vault { mount, path, key } => {
                    let secret = VaultSecret { mount, path, key };
                    (secret.read(&place, surroundings).await?, Life::reread(MANAGER_PERIOD))
                }
            };
            Ok(Fresh { value: Secret::of(&text, &place)?, life })
        })
    }
}

/// A file that holds a secret.
pub(super) async fn read_file(path: &Path) -> Result<String, SecretError> {
    let read = tokio::fs::read_to_string(path).await;
    read.map_err(|reason| SecretError::Unreadable { path: path.display().to_string(), reason: reason.to_string() })
}
