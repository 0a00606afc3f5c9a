//! Profiles of AWS's shared configuration files, and what one of them leads to.

mod files;

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use tradewind_providers::aws::Credentials;

use self::files::Files;
use super::{
    container, environment, instance, process,
    sts::{Role, SESSION_NAME, Sts},
};
use crate::credential::{CredentialError, Fresh, Life, Surroundings, secrets::FILE_PERIOD};

/// The profile that the process is meant to use.
pub(super) fn chosen(surroundings: &Surroundings) -> String {
    surroundings.variables.get("AWS_PROFILE").unwrap_or_else(|| "default".to_owned())
}

/// Looks credentials up in the files, read anew each time.
#[derive(Debug)]
pub(super) struct Profiles<'a> {
    files: Files,
    sts: &'a Sts,
    surroundings: &'a Surroundings,
}

/// A profile that was named on the way, and may not be named again.
type Way = Vec<String>;

impl<'a> Profiles<'a> {
    pub(super) async fn load(sts: &'a Sts, surroundings: &'a Surroundings) -> Result<Self, CredentialError> {
        Ok(Self { files: Files::load(&surroundings.variables).await?, sts, surroundings })
    }

    /// Whether the profile names a role to assume: those go before a web identity, other profiles after it.
    pub(super) fn assumes_role(&self, name: &str) -> bool {
        self.files.profile(name).is_some_and(|profile| profile.contains_key("role_arn"))
    }

    /// Whether there is such a profile, and it leads to credentials in any way.
    pub(super) fn has_credentials(&self, name: &str) -> bool {
        const WAYS: [&str; 5] = ["aws_access_key_id", "credential_process", "role_arn", "sso_session", "sso_start_url"];
        self.files.profile(name).is_some_and(|profile| WAYS.iter().any(|way| profile.contains_key(*way)))
    }

    /// The credentials of a profile.
    pub(super) async fn credentials(&self, name: &str) -> Result<Fresh<Credentials>, CredentialError> {
        self.resolve(name, Way::new()).await
    }

    fn resolve<'s>(&'s self, name: &'s str, mut way: Way) -> BoxFuture<'s, Result<Fresh<Credentials>, CredentialError>> {
        Box::pin(async move {
            let profile =
                self.files.profile(name).ok_or_else(|| fault(name, "is in neither of the shared configuration files"))?;
            // A profile may name itself as the source of a role: then its own keys are meant.
            let is_its_own_source = way.last().is_some_and(|last| last == name);
            if !is_its_own_source && way.iter().any(|seen| seen == name) {
                return Err(fault(name, "is its own source, by way of others"));
            }
            way.push(name.to_owned());
            match profile.get("role_arn") {
                Some(arn) if !is_its_own_source => self.role(name, arn, profile, way).await,
                _ => self.own(name, profile).await,
            }
        })
    }

    /// By keys in the profile, or by a program that it names.
    async fn own(&self, name: &str, profile: &BTreeMap<String, String>) -> Result<Fresh<Credentials>, CredentialError> {
        let get = |key: &str| profile.get(key).cloned();
        if let (Some(access_key_id), Some(secret_access_key)) = (get("aws_access_key_id"), get("aws_secret_access_key")) {
            let value = Credentials { access_key_id, secret_access_key, session_token: get("aws_session_token") };
            return Ok(Fresh { value, life: Life::reread(FILE_PERIOD) });
        }
        match profile.get("credential_process") {
            Some(command) => process::credentials(command, self.surroundings).await,
            None if profile.keys().any(|key| key.starts_with("sso_")) => {
                Err(fault(name, "signs in by SSO, which takes a person; use a role or `credential_process`"))
            }
            None => Err(fault(name, "has neither a pair of keys nor `role_arn` nor `credential_process`")),
        }
    }

    /// By a role that is assumed.
    async fn role(
        &self,
        name: &str,
        arn: &str,
        profile: &BTreeMap<String, String>,
        way: Way,
    ) -> Result<Fresh<Credentials>, CredentialError> {
        let get = |key: &str| profile.get(key).cloned();
        if profile.contains_key("mfa_serial") {
            return Err(fault(name, "asks for a second factor, which takes a person"));
        }
        let role = Role {
            arn: arn.to_owned(),
            session_name: get("role_session_name").unwrap_or_else(|| SESSION_NAME.to_owned()),
            external_id: get("external_id"),
            duration: get("duration_seconds"),
        };
        if let Some(token_file) = profile.get("web_identity_token_file") {
            return self.sts.with_web_identity(&role, token_file.as_ref()).await;
        }
        let with = match (profile.get("source_profile"), profile.get("credential_source").map(String::as_str)) {
            (Some(source), None) => self.resolve(source, way).await?,
            (None, Some("Environment")) => {
                let absent = || fault(name, "takes keys from the environment, where there are none");
                let value = environment::credentials(&self.surroundings.variables)?.ok_or_else(absent)?;
                Fresh { value, life: Life::FIXED }
            }
            (None, Some("EcsContainer")) => container::credentials(self.surroundings).await?,
            (None, Some("Ec2InstanceMetadata")) => instance::credentials(self.surroundings).await?,
            _ => {
                return Err(fault(
                    name,
                    "has a role but no way to it; accepted: one of `source_profile`, `web_identity_token_file`, and \
                     `credential_source` as `Environment`, `EcsContainer` or `Ec2InstanceMetadata`",
                ));
            }
        };
        self.sts.assume(&role, &with.value).await
    }
}

fn fault(name: &str, what: &str) -> CredentialError {
    CredentialError::configuration(format!("the AWS profile `{name}` {what}"))
}
