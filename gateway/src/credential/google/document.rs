//! A Google credentials file, of whichever type.

use futures_util::future::BoxFuture;
use serde::Deserialize;

use super::{authorized_user::AuthorizedUser, external_account::ExternalAccount, impersonation, service_account::ServiceAccount};
use crate::credential::{CredentialError, Fresh, Secret, Surroundings};

/// A credentials file. It has no `Debug`: it holds secrets.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Document {
    /// A key of a service account.
    ServiceAccount(ServiceAccount),
    /// What `gcloud auth application-default login` leaves.
    AuthorizedUser(AuthorizedUser),
    /// Workload identity federation.
    ExternalAccount(Box<ExternalAccount>),
    /// Any of these, in the place of a service account.
    ImpersonatedServiceAccount {
        source_credentials: Box<Document>,
        service_account_impersonation_url: String,
        #[serde(default)]
        delegates: Vec<String>,
    },
    #[serde(other)]
    Other,
}

impl Document {
    /// `place` says where it is from, for an error.
    pub(super) fn parse(json: &str, place: &str) -> Result<Self, CredentialError> {
        serde_json::from_str(json).map_err(|error| {
            // The parser's own words may quote a value.
            let (line, column) = (error.line(), error.column());
            CredentialError::configuration(format!("{place} is no Google credentials file: see line {line}, column {column}"))
        })
    }

    /// A token for what it describes.
    pub(super) fn token<'a>(&'a self, surroundings: &'a Surroundings) -> BoxFuture<'a, Result<Fresh<Secret>, CredentialError>> {
        Box::pin(async move {
            match self {
                Self::ServiceAccount(account) => account.token(surroundings).await,
                Self::AuthorizedUser(user) => user.token(surroundings).await,
                Self::ExternalAccount(account) => account.token(surroundings).await,
                Self::ImpersonatedServiceAccount { source_credentials, service_account_impersonation_url: url, delegates } => {
                    let own = source_credentials.token(surroundings).await?.value;
                    let whom = impersonation::Whom { url, delegates, lifetime: impersonation::LIFETIME };
                    impersonation::token(&whom, &own, surroundings).await
                }
                Self::Other => Err(CredentialError::configuration(
                    "the Google credentials file is of a type that is not supported; accepted: service_account, authorized_user, \
                     external_account, impersonated_service_account",
                )),
            }
        })
    }
}
