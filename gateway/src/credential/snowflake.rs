//! Snowflake's key-pair tokens: JWTs that the gateway signs itself.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;
use tradewind_policies::spec::SnowflakeKeyPair;

use super::{
    CredentialError, Fresh, Life, Secret, Source, Surroundings,
    jwt::{Header, RsaKey},
    secrets::SecretSource,
};

/// Snowflake accepts an hour at most; less a minute for clocks that differ.
const LIFETIME: Duration = Duration::from_secs(59 * 60);

/// A key pair of a user.
#[derive(Debug)]
pub(super) struct KeyPair {
    /// `ACCOUNT.USER`.
    subject: String,
    key: SecretSource,
    surroundings: Surroundings,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
}

impl KeyPair {
    pub(super) fn new(credential: &SnowflakeKeyPair, surroundings: &Surroundings) -> Result<Self, CredentialError> {
        let subject = format!("{}.{}", account(&credential.account), credential.user).to_uppercase();
        let key = SecretSource::new(&credential.private_key, surroundings)?;
        Ok(Self { subject, key, surroundings: surroundings.clone() })
    }
}

/// The account's own name: an account locator is followed by region and cloud (`xy12345.eu-west-1`), a global one by an id
/// (`xy12345-id.global`), neither of which the token names.
fn account(identifier: &str) -> &str {
    let end = if identifier.contains(".global") { '-' } else { '.' };
    identifier.split_once(end).map_or(identifier, |(name, _)| name)
}

impl Source<Secret> for KeyPair {
    fn obtain(&self) -> BoxFuture<'_, Result<Fresh<Secret>, CredentialError>> {
        Box::pin(async move {
            let key = RsaKey::of_pem(self.key.read().await?.expose(), &self.key.place())?;
            let issuer = format!("{}.SHA256:{}", self.subject, key.fingerprint()?);
            let now = self.surroundings.clock.unix_seconds();
            let claims = Claims { iss: &issuer, sub: &self.subject, iat: now, exp: now + LIFETIME.as_secs() };
            Ok(Fresh { value: key.sign(&Header::rs256(None), &claims)?, life: Life::token(LIFETIME) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::account;

    #[test]
    fn an_account_is_named_without_its_region() {
        assert_eq!(account("xy12345.us-east-1.aws"), "xy12345");
        assert_eq!(account("myorg-myaccount"), "myorg-myaccount");
        assert_eq!(account("xy12345-id.global"), "xy12345");
    }
}
