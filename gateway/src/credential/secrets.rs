//! Reads a secret where the policy says: environment, file, secret manager.

use std::{io, path::Path, time::Duration};

use futures_util::future::BoxFuture;
use tradewind_policies::spec::SecretRef;

use super::{
    CredentialError, Fresh, Life, Secret, SecretError, Source, Surroundings, Variables,
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
    /// Reads it once where that needs nobody's answer, so that a mistake shows when the policy is loaded and not in a request.
    pub(super) fn new(place: &SecretRef, surroundings: &Surroundings) -> Result<Self, SecretError> {
        let source = Self { place: place.clone(), surroundings: surroundings.clone() };
        source.at_hand().map(|_| source)
    }

    /// The secret, where it is in the environment or in a file.
    pub(super) fn at_hand(&self) -> Result<Option<Secret>, SecretError> {
        at_hand(&self.place, &self.surroundings.variables)
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
                SecretRef::Env(name) => (variable(name, &surroundings.variables)?, Life::FIXED),
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

/// The secret at `place`; `None` where somebody else would have to be asked for it.
///
/// # Errors
/// Why it cannot be used.
pub fn at_hand(place: &SecretRef, variables: &Variables) -> Result<Option<Secret>, SecretError> {
    let text = match place {
        SecretRef::Env(name) => variable(name, variables)?,
        SecretRef::File(path) => std::fs::read_to_string(path).map_err(|reason| unreadable(path, &reason))?,
        _ => return Ok(None),
    };
    Secret::of(&text, &place.to_string()).map(Some)
}

/// The secret at `place`, whoever has to be asked for it.
///
/// # Errors
/// Why it cannot be had.
pub async fn fetch(place: &SecretRef, surroundings: &Surroundings) -> Result<Secret, CredentialError> {
    SecretSource { place: place.clone(), surroundings: surroundings.clone() }.read().await
}

fn variable(name: &str, variables: &Variables) -> Result<String, SecretError> {
    variables.get(name).ok_or_else(|| SecretError::NoVariable(name.to_owned()))
}

/// A file that holds a secret.
pub(super) async fn read_file(path: &Path) -> Result<String, SecretError> {
    tokio::fs::read_to_string(path).await.map_err(|reason| unreadable(path, &reason))
}

fn unreadable(path: &Path, reason: &io::Error) -> SecretError {
    SecretError::Unreadable { path: path.display().to_string(), reason: reason.to_string() }
}
