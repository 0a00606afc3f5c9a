//! AWS credentials and the region in environment variables.

use tradewind_providers::aws::Credentials;

use crate::credential::{CredentialError, Variables};

const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";

/// The credentials, if there are any. They do not change as long as the process runs.
pub(super) fn credentials(variables: &Variables) -> Result<Option<Credentials>, CredentialError> {
    match (variables.get(ACCESS_KEY_ID), variables.get(SECRET_ACCESS_KEY)) {
        (None, None) => Ok(None),
        (Some(access_key_id), Some(secret_access_key)) => {
            Ok(Some(Credentials { access_key_id, secret_access_key, session_token: variables.get("AWS_SESSION_TOKEN") }))
        }
        (Some(_), None) => Err(half(ACCESS_KEY_ID, SECRET_ACCESS_KEY)),
        (None, Some(_)) => Err(half(SECRET_ACCESS_KEY, ACCESS_KEY_ID)),
    }
}

fn half(set: &str, unset: &str) -> CredentialError {
    CredentialError::configuration(format!("the environment variable {set} is set, but not {unset}; set both or neither"))
}

/// The region that the process works in.
pub(in crate::credential) fn region(variables: &Variables) -> Option<String> {
    variables.get("AWS_REGION").or_else(|| variables.get("AWS_DEFAULT_REGION"))
}
