//! Where a secret is to be found. The secret itself never enters a policy, its errors or its hash.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a secret is to be found; the gateway reads it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretRef {
    /// In the environment variable of that name.
    Env(String),
    /// In the file at that path.
    File(PathBuf),
}

/// The text is no reference; perhaps it is the secret itself, so it is not repeated here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret is never written into a policy; accepted: `env:NAME` or `file:PATH`, which say where to find it")]
pub struct InvalidSecretRef;

impl FromStr for SecretRef {
    type Err = InvalidSecretRef;

    fn from_str(text: &str) -> Result<Self, InvalidSecretRef> {
        match text.split_once(':') {
            Some(("env", name)) if is_variable_name(name) => Ok(Self::Env(name.into())),
            Some(("file", path)) if !path.is_empty() && !path.contains('\0') => Ok(Self::File(path.into())),
            _ => Err(InvalidSecretRef),
        }
    }
}

/// The names that POSIX shells can set; anything else after `env:` is likely the secret.
fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
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
    fn a_literal_secret_is_refused_and_not_repeated() {
        for literal in ["sk-proj-123", "env:", "env:sk-proj-123", "file:", "ENV:X", "vault:x"] {
            let error = literal.parse::<SecretRef>().unwrap_err();
            assert!(!error.to_string().contains("123"), "{error}");
        }
    }
}
