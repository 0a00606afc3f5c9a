//! Who hands out Google's access tokens: the token endpoint of OAuth, the metadata server, the exchange of foreign tokens, and the
//! service that lets one account speak for another.

mod accounts;
mod impersonation;
mod metadata;
mod oauth;
mod sts;

pub use accounts::ServiceAccounts;
pub(super) use impersonation::impersonate;
pub(super) use metadata::metadata;
pub(super) use oauth::token;
pub(super) use sts::exchange;

/// The scope of everything.
const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
