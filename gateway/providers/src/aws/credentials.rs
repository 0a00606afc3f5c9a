//! An identity of AWS.

use std::fmt;

/// An access key with its secret; the secrets are not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Its name; no secret.
    pub access_key_id: String,
    /// What signatures are made with.
    pub secret_access_key: String,
    /// What temporary credentials send along.
    pub session_token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &format_args!("[redacted]"))
            .field("session_token", &self.session_token.as_ref().map(|_| format_args!("[redacted]")))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "hidden-1".to_owned(),
            session_token: Some("hidden-2".to_owned()),
        };
        let shown = format!("{credentials:#?}");
        assert!(shown.contains("AKIDEXAMPLE") && shown.contains("[redacted]") && !shown.contains("hidden"));
    }
}
