//! Values of secret managers. Each is reached as the process itself: by the credentials of the environment, as the vendors' own clients
//! find them, so that no secret is needed to read secrets.

mod aws;
mod azure;
mod google;
mod vault;

pub(super) use self::{aws::AwsSecret, azure::AzureSecret, google::GoogleSecret, vault::VaultSecret};
