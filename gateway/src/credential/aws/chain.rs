//! Where AWS credentials come from, in AWS's own order, and the role that is assumed with them.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use tradewind_policies::spec::{AwsCredential, AwsSource};
use tradewind_providers::aws::Credentials;

use super::{
    container, environment, instance,
    profile::{self, Profiles},
    sts::{Role, SESSION_NAME, Sts},
};
use crate::credential::{CredentialError, Fresh, Life, Source, Surroundings, secrets::SecretSource};

/// The way to credentials that the policy describes.
#[derive(Debug)]
pub(in crate::credential) struct Chain {
    source: AwsSource,
    assume: Option<Role>,
    sts: Sts,
    surroundings: Surroundings,
}

impl Chain {
    /// `region` is where the service is that the credentials are for; its STS is asked.
    pub(in crate::credential) fn new(
        credential: &AwsCredential,
        region: &str,
        surroundings: &Surroundings,
    ) -> Result<Self, CredentialError> {
        if let AwsSource::Keys { secret_access_key, .. } = &credential.source {
            // Whether it is there: it is read anew for each use.
            SecretSource::new(secret_access_key, surroundings)?;
        }
        let assume = credential.assume_role.as_ref().map(|role| Role {
            arn: role.role_arn.clone(),
            session_name: role.session_name.clone().unwrap_or_else(|| SESSION_NAME.to_owned()),
            external_id: role.external_id.clone(),
            duration: None,
        });
        let sts = Sts::new(credential.sts_url.as_ref(), credential.region.as_deref().unwrap_or(region), surroundings)?;
        Ok(Self { source: credential.source.clone(), assume, sts, surroundings: surroundings.clone() })
    }

    /// What the first source gives.
    async fn first(&self) -> Result<Fresh<Credentials>, CredentialError> {
        match &self.source {
            AwsSource::Chain => self.search().await,
            AwsSource::Environment => self.environment()?.ok_or_else(|| {
                CredentialError::configuration(
                    "the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set",
                )
            }),
            AwsSource::Profile(name) => Profiles::load(&self.sts, &self.surroundings).await?.credentials(name).await,
            AwsSource::Keys { access_key_id, secret_access_key, session_token } => {
                let secret = SecretSource::new(secret_access_key, &self.surroundings)?.obtain().await?;
                let session_token = match session_token {
                    Some(place) => Some(SecretSource::new(place, &self.surroundings)?.read().await?.expose().to_owned()),
                    None => None,
                };
                let secret_access_key = secret.value.expose().to_owned();
                let value = Credentials { access_key_id: access_key_id.clone(), secret_access_key, session_token };
                Ok(Fresh { value, life: secret.life })
            }
            AwsSource::WebIdentity { token_file, role_arn } => {
                let (file, role) = self.web_identity(token_file.clone(), role_arn.clone()).ok_or_else(|| {
                    CredentialError::configuration(
                        "a web identity needs a token file and a role: set them in the policy, or AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
                    )
                })?;
                self.sts.with_web_identity(&role, &file).await
            }
            AwsSource::Container => container::credentials(&self.surroundings).await,
            AwsSource::Instance => instance::credentials(&self.surroundings).await,
        }
    }

    /// The first source that is there. One that is there and fails is the answer: to go on would be to act as somebody else.
    async fn search(&self) -> Result<Fresh<Credentials>, CredentialError> {
        if let Some(found) = self.environment()? {
            return Ok(found);
        }
        let profiles = Profiles::load(&self.sts, &self.surroundings).await?;
        let name = profile::chosen(&self.surroundings);
        if profiles.assumes_role(&name) {
            return profiles.credentials(&name).await;
        }
        if let Some((file, role)) = self.web_identity(None, None) {
            return self.sts.with_web_identity(&role, &file).await;
        }
        if profiles.has_credentials(&name) {
            return profiles.credentials(&name).await;
        }
        if container::is_offered(&self.surroundings.variables) {
            return container::credentials(&self.surroundings).await;
        }
        if instance::is_disabled(&self.surroundings.variables) {
            return Err(CredentialError::configuration(format!(
                "there are no AWS credentials: none in the environment, no profile `{name}`, no web identity, no container endpoint, \
                 and the instance metadata service is disabled"
            )));
        }
        instance::credentials(&self.surroundings).await
    }

    fn environment(&self) -> Result<Option<Fresh<Credentials>>, CredentialError> {
        let found = environment::credentials(&self.surroundings.variables)?;
        Ok(found.map(|value| Fresh { value, life: Life::FIXED }))
    }

    /// The token file and the role: those given, else those in the environment.
    fn web_identity(&self, file: Option<PathBuf>, role: Option<String>) -> Option<(PathBuf, Role)> {
        let variable = |name| self.surroundings.variables.get(name);
        let file = file.or_else(|| variable("AWS_WEB_IDENTITY_TOKEN_FILE").map(PathBuf::from))?;
        let arn = role.or_else(|| variable("AWS_ROLE_ARN"))?;
        let session_name = variable("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| SESSION_NAME.to_owned());
        Some((file, Role { arn, session_name, external_id: None, duration: None }))
    }
}

impl Source<Credentials> for Chain {
    fn obtain(&self) -> BoxFuture<'_, Result<Fresh<Credentials>, CredentialError>> {
        Box::pin(async move {
            let first = self.first().await?;
            match &self.assume {
                Some(role) => self.sts.assume(role, &first.value).await,
                None => Ok(first),
            }
        })
    }
}
