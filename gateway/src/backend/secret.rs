//! A credential of a backend: read where the policy says, shown nowhere.

use std::fmt;

use http::HeaderValue;
use tradewind_policies::spec::SecretRef;

/// A credential.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Why a credential cannot be had. None of these holds the credential.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or not to text.
    #[error("the environment variable {0} is not set; export it, or remove the backend from the policy")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("cannot read the secret from {path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// What went wrong.
        reason: std::io::Error,
    },
    /// There is nothing in it.
    #[error("{0} is empty")]
    Empty(String),
    /// It cannot stand in a header.
    #[error("{0} holds characters that cannot stand in an HTTP header")]
    NotAHeader(String),
}

impl Secret {
    /// Reads the credential that `reference` points to. White space around it is dropped: files end with a line break.
    ///
    /// # Errors
    /// [`SecretError`], which names the place and never the credential.
    pub fn read(reference: &SecretRef) -> Result<Self, SecretError> {
        let text = match reference {
            SecretRef::Env(name) => std::env::var(name).map_err(|_| SecretError::NoVariable(name.clone()))?,
            SecretRef::File(path) => std::fs::read_to_string(path)
                .map_err(|reason| SecretError::Unreadable { path: path.display().to_string(), reason })?,
        };
        let text = text.trim();
        if text.is_empty() { Err(SecretError::Empty(reference.to_string())) } else { Ok(Self(text.to_owned())) }
    }

    /// The header value `Bearer …`, marked so that no debug output shows it.
    ///
    /// # Errors
    /// [`SecretError::NotAHeader`]; `place` says whose it is.
    pub fn bearer(&self, place: &SecretRef) -> Result<HeaderValue, SecretError> {
        let value = HeaderValue::try_from(format!("Bearer {}", self.0));
        let mut value = value.map_err(|_| SecretError::NotAHeader(place.to_string()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret("sk-very-secret".to_owned());
        let place = SecretRef::Env("KEY".to_owned());
        let header = secret.bearer(&place).unwrap();
        assert_eq!(header, "Bearer sk-very-secret");
        assert!(!format!("{secret:?} {header:?}").contains("very"));
        let faulty = Secret("sk-very\nsecret".to_owned()).bearer(&place).unwrap_err();
        assert!(!format!("{faulty} {faulty:?}").contains("very"));
    }

    #[test]
    fn a_file_may_end_with_a_line_break_but_not_be_empty() {
        let folder = tempfile::tempdir().unwrap();
        let place = |text: &str| {
            let path = folder.path().join("key");
            std::fs::write(&path, text).unwrap();
            SecretRef::File(path)
        };
        assert_eq!(Secret::read(&place("k\n")).unwrap(), Secret("k".to_owned()));
        assert!(matches!(Secret::read(&place(" \n")), Err(SecretError::Empty(_))));
        assert!(matches!(Secret::read(&SecretRef::File(folder.path().join("none"))), Err(SecretError::Unreadable { .. })));
    }
}
