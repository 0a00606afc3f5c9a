//! Azure Key Vault.

use bytes::Bytes;
use http::{Request, header::AUTHORIZATION};
use serde::Deserialize;
use tradewind_policies::spec::BaseUrl;

use crate::credential::{CredentialError, Surroundings, entra, exchange::Patience, form};

const VERSION: &str = "7.4";

/// A secret of a vault.
pub(in crate::credential) struct AzureSecret<'a> {
    pub(in crate::credential) vault: &'a BaseUrl,
    pub(in crate::credential) name: &'a str,
    pub(in crate::credential) version: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer {
    value: String,
}

impl AzureSecret<'_> {
    pub(in crate::credential) async fn read(&self, surroundings: &Surroundings) -> Result<String, CredentialError> {
        let host = self.vault.uri().host().unwrap_or_default();
        let token = entra::of_environment(&scope(host), surroundings)?.obtain().await?.value;
        let version = self.version.map(|version| format!("/{version}")).unwrap_or_default();
        let address = format!("{}/secrets/{}{version}?api-version={VERSION}", self.vault, self.name);
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = form::uri(address)?;
        request.headers_mut().insert(AUTHORIZATION, token.header("Bearer ", "the token")?);
        let answer: Answer = surroundings.ask(request, Patience::REMOTE).await?.json()?;
        Ok(answer.value)
    }
}

/// What the token is for: the part of the vault's address that is the same for all vaults of a cloud (`vault.azure.net`,
/// `vault.azure.cn`, `vault.usgovcloudapi.net`).
fn scope(host: &str) -> String {
    let cloud = host.split_once('.').map_or("vault.azure.net", |(_, cloud)| cloud);
    let cloud = if cloud.starts_with("vault.") { cloud } else { "vault.azure.net" };
    format!("https://{cloud}/.default")
}

#[cfg(test)]
mod tests {
    use super::scope;

    #[test]
    fn the_token_is_for_the_cloud_of_the_vault() {
        assert_eq!(scope("mine.vault.azure.net"), "https://vault.azure.net/.default");
        assert_eq!(scope("mine.vault.usgovcloudapi.net"), "https://vault.usgovcloudapi.net/.default");
        assert_eq!(scope("127.0.0.1"), "https://vault.azure.net/.default");
    }
}
