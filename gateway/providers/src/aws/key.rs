//! The key that signs for one day, region and service.

use std::{fmt, time::SystemTime};

use aws_lc_rs::hmac;

use super::{Credentials, timestamp::Timestamp};

/// The key that signs for one day, region and service: worth keeping, for it takes four HMACs to derive.
#[derive(Clone)]
pub struct SigningKey {
    key: hmac::Key,
    access_key_id: String,
    session_token: Option<String>,
    /// `YYYYMMDD/region/service/aws4_request`.
    scope: String,
}

impl SigningKey {
    /// The key of `credentials` for the day of `now`.
    #[must_use]
    pub fn derive(credentials: &Credentials, region: &str, service: &str, now: SystemTime) -> Self {
        let timestamp = Timestamp::of(now);
        let first = format!("AWS4{}", credentials.secret_access_key);
        let first = hmac::Key::new(hmac::HMAC_SHA256, first.as_bytes());
        let parts = [timestamp.day(), region, service, "aws4_request"];
        let key = parts.iter().fold(first, |key, part| {
            let tag = hmac::sign(&key, part.as_bytes());
            hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref())
        });
        Self {
            key,
            access_key_id: credentials.access_key_id.clone(),
            session_token: credentials.session_token.clone(),
            scope: parts.join("/"),
        }
    }

    /// Whether it signs requests made at `now`: its day is not over.
    #[must_use]
    pub fn covers(&self, now: SystemTime) -> bool {
        self.scope.starts_with(Timestamp::of(now).day())
    }

    pub(super) fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    pub(super) fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    pub(super) fn scope(&self) -> &str {
        &self.scope
    }

    /// The signature of `text`, in hexadecimal.
    pub(super) fn sign(&self, text: &str) -> String {
        super::authorization::hex(hmac::sign(&self.key, text.as_bytes()).as_ref())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn serves_for_a_day_and_shows_no_secret() {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "hidden-1".to_owned(),
            session_token: Some("hidden-2".to_owned()),
        };
        let midnight = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * 20_000);
        let key = SigningKey::derive(&credentials, "eu-west-1", "bedrock", midnight);
        assert!(key.covers(midnight) && key.covers(midnight + Duration::from_secs(86_399)));
        assert!(!key.covers(midnight + Duration::from_secs(86_400)) && !key.covers(midnight - Duration::from_secs(1)));
        assert!(!format!("{key:?}").contains("hidden"));
    }
}
