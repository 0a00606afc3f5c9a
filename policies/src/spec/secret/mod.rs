//! Where a secret is to be found. The secret itself never enters a policy, its errors or its hash.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::BaseUrl;

mod store;

/// Where a secret is to be found; the gateway reads it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretRef {
    /// In the environment variable of that name: `env:NAME`.
    Env(String),
    /// In the file at that path: `file:PATH`.
    File(PathBuf),
    /// In AWS Secrets Manager: `aws-sm:NAME` or `aws-sm:NAME#KEY`.
    AwsSecretsManager {
        /// Its name or its ARN.
        name: String,
        /// Which key, where its text is a JSON object; without one, the whole text.
        key: Option<String>,
    },
    /// In Azure Key Vault: `azure-kv:https://VAULT/secrets/NAME`, perhaps with `/VERSION`.
    AzureKeyVault {
        /// The vault, such as `https://NAME.vault.azure.net`.
        vault: BaseUrl,
        /// Its name.
        name: String,
        /// Which version; without one, the latest.
        version: Option<String>,
    },
    /// In Google Secret Manager: `gcp-sm:projects/PROJECT/secrets/NAME`, perhaps with `/versions/VERSION`.
    GoogleSecretManager {
        /// The project, by id or number.
        project: String,
        /// Its name.
        name: String,
        /// Which version, a number or an alias; without one, `latest`.
        version: Option<String>,
    },
    /// In HashiCorp Vault's key-value engine, version 2: `vault:MOUNT/PATH#KEY`.
    Vault {
        /// Where the engine is mounted: one segment.
        mount: String,
        /// The path below the mount.
        path: String,
        /// Which key of what lies there.
        key: String,
    },
}

/// The text is no reference; perhaps it is the secret itself, so it is not repeated here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecretRef {
    /// It does not say where to look.
    #[error(
        "a secret is never written into a policy; accepted: `env:NAME`, `file:PATH`, `aws-sm:NAME[#KEY]`, \
         `azure-kv:https://VAULT/secrets/NAME`, `gcp-sm:projects/PROJECT/secrets/NAME` or `vault:MOUNT/PATH#KEY`, \
         which say where to find it"
    )]
    NoPlace,
    /// It says in which kind of place to look, and then not where.
    #[error("this does not say where to find the secret; accepted: `{0}`")]
    Form(&'static str),
}

impl FromStr for SecretRef {
    type Err = InvalidSecretRef;

    fn from_str(text: &str) -> Result<Self, InvalidSecretRef> {
        let (kind, rest) = text.split_once(':').ok_or(InvalidSecretRef::NoPlace)?;
        match kind {
            "env" => is_variable_name(rest).then(|| Self::Env(rest.into())).ok_or(InvalidSecretRef::NoPlace),
            "file" => is_path(rest).then(|| Self::File(rest.into())).ok_or(InvalidSecretRef::NoPlace),
            "aws-sm" => store::aws(rest).ok_or(InvalidSecretRef::Form("aws-sm:NAME[#KEY]")),
            "azure-kv" => store::azure(rest).ok_or(InvalidSecretRef::Form("azure-kv:https://VAULT/secrets/NAME[/VERSION]")),
            "gcp-sm" => {
                store::google(rest).ok_or(InvalidSecretRef::Form("gcp-sm:projects/PROJECT/secrets/NAME[/versions/VERSION]"))
            }
            "vault" => store::vault(rest).ok_or(InvalidSecretRef::Form("vault:MOUNT/PATH#KEY")),
            _ => Err(InvalidSecretRef::NoPlace),
        }
    }
}

/// The names that POSIX shells can set; anything else after `env:` is likely the secret.
fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_path(path: &str) -> bool {
    !path.is_empty() && !path.contains('\0')
}

impl fmt::Display for SecretRef {
    /// As it is written in a policy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::AwsSecretsManager { name, key: None } => write!(f, "aws-sm:{name}"),
            Self::AwsSecretsManager { name, key: Some(key) } => write!(f, "aws-sm:{name}#{key}"),
            Self::AzureKeyVault { vault, name, version: None } => write!(f, "azure-kv:{vault}/secrets/{name}"),
            Self::AzureKeyVault { vault, name, version: Some(version) } => {
                write!(f, "azure-kv:{vault}/secrets/{name}/{version}")
            }
            Self::GoogleSecretManager { project, name, version: None } => {
                write!(f, "gcp-sm:projects/{project}/secrets/{name}")
            }
            Self::GoogleSecretManager { project, name, version: Some(version) } => {
                write!(f, "gcp-sm:projects/{project}/secrets/{name}/versions/{version}")
            }
            Self::Vault { mount, path, key } => write!(f, "vault:{mount}/{path}#{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_variable_or_a_file() {
        assert_eq!("env:OPENAI_API_KEY".parse(), Ok(SecretRef::Env("OPENAI_API_KEY".into())));
        assert_eq!("file:/run/secrets/key".parse(), Ok(SecretRef::File("/run/secrets/key".into())));
    }

    #[test]
    fn a_reference_is_shown_as_it_was_written() {
        for written in [
            "env:KEY",
            "file:/run/key",
            "aws-sm:llm/openai",
            "aws-sm:arn:aws:secretsmanager:eu-central-1:123456789012:secret:llm-AbCdEf#api_key",
            "azure-kv:https://company.vault.azure.net/secrets/openai",
            "azure-kv:https://company.vault.azure.net/secrets/openai/0123456789abcdef0123456789abcdef",
            "gcp-sm:projects/company-prod/secrets/openai",
            "gcp-sm:projects/example.com:prod/secrets/openai_key/versions/latest",
            "vault:secret/llm/openai#api_key",
        ] {
            assert_eq!(written.parse::<SecretRef>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn a_literal_secret_is_refused_and_not_repeated() {
        for literal in ["sk-proj-123", "env:", "env:sk-proj-123", "file:", "ENV:X", "vault:x123", "aws-sm:a b123", "azure-kv:123"]
        {
            let error = literal.parse::<SecretRef>().unwrap_err();
            assert!(!error.to_string().contains("123"), "{error}");
        }
    }
}
