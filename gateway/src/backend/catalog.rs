//! From the policy's words for a provider to the adapter that knows it.

use std::sync::Arc;

use tradewind_policies::spec::{AnthropicHost, AnthropicVersion, Api, Remote};
use tradewind_providers::{Adapter, anthropic};

/// Why no adapter can be made of a description.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// An address or a name that no address can hold.
    #[error("no address for its operations: {0}")]
    Address(#[from] http::uri::InvalidUri),
    /// Settings of Anthropic's API.
    #[error(transparent)]
    Anthropic(#[from] anthropic::InvalidSettings),
}

/// The adapter of a backend.
///
/// # Errors
/// [`CatalogError`].
pub fn adapter(remote: &Remote) -> Result<Arc<dyn Adapter>, CatalogError> {
    Ok(match &remote.api {
        _ => todo!(),
    })
}
