//! A secret: used where it is needed, shown nowhere.

use std::{fmt, sync::Arc};

use http::HeaderValue;

/// A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

/// Why a secret cannot be used. None of these holds the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
        reason: String,
    },
    /// There is nothing in it.
    #[error("{0} is empty")]
    Empty(String),
    /// It cannot stand in a header.
    #[error("{0} holds characters that cannot stand in an HTTP header")]
    NotAHeader(String),
    /// The value of a secret manager is not a JSON object with that member as text.
    #[error("{place} has no text under `{key}`")]
    NoMember {
        /// Whose value it is.
        place: String,
        /// The member that the policy names.
        key: String,
    },
}

impl Secret {
    /// The secret in `text`, without white space around it: files end with a line break.
    ///
    /// # Errors
    /// [`SecretError::Empty`]; `place` says whose it is.
    pub fn of(text: &str, place: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        if text.is_empty() { Err(SecretError::Empty(place.to_owned())) } else { Ok(Self(text.into())) }
    }

    /// The secret itself, to be sent or signed with.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A header value of `prefix` and the secret, marked so that no debug output shows it.
    ///
    /// # Errors
    /// [`SecretError::NotAHeader`]; `place` says whose it is.
    pub fn header(&self, prefix: &str, place: &str) -> Result<HeaderValue, SecretError> {
        let value = HeaderValue::try_from(format!("{prefix}{}", self.0));
        let mut value = value.map_err(|_| SecretError::NotAHeader(place.to_owned()))?;
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
        let secret = Secret::of("sk-very-secret", "env:KEY").unwrap();
        let header = secret.header("Bearer ", "env:KEY").unwrap();
        assert_eq!(header, "Bearer sk-very-secret");
        assert!(!format!("{secret:?} {header:?}").contains("very"));
        let faulty = Secret::of("sk-very\nsecret", "env:KEY").unwrap().header("", "env:KEY").unwrap_err();
        assert!(!format!("{faulty} {faulty:?}").contains("very"));
    }

    #[test]
    fn a_secret_may_end_with_a_line_break_but_not_be_empty() {
        assert_eq!(Secret::of("k\n", "env:KEY").unwrap().expose(), "k");
        assert_eq!(Secret::of(" \n", "env:KEY"), Err(SecretError::Empty("env:KEY".to_owned())));
    }
}
