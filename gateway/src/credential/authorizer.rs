//! What adds the credential to a request, last before the socket.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header::AUTHORIZATION};
use tradewind_policies::spec::{Credential, Remote};
use tradewind_providers::Authentication;

use super::{
    CredentialError, Refreshing, Secret, Source, Surroundings, aws, entra, google, ibm, oauth, purpose, secrets::SecretSource,
    snowflake, token::InHeader,
};

/// Tells Snowflake what kind of token it gets.
const SNOWFLAKE_TOKEN_TYPE: HeaderName = HeaderName::from_static("x-snowflake-authorization-token-type");
/// The project that pays for a request to Google.
const GOOGLE_QUOTA_PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");

/// What adds a backend's credential to its requests.
#[derive(Debug)]
pub struct Authorizer {
    manner: Manner,
}

/// Which credential a request was given, for [`Authorizer::renew`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown(u64);

#[derive(Debug)]
enum Manner {
    /// Nothing is added.
    Nothing,
    /// A header with the credential, and another that says more.
    Header { name: HeaderName, value: Refreshing<HeaderValue>, beside: Option<(HeaderName, HeaderValue)> },
    /// A signature.
    Signature(aws::Signer),
}

impl Authorizer {
    /// What adds the credential that the policy describes, in the manner that the provider's adapter names. Nothing is fetched yet;
    /// `owner` says in the log whose credential it is, such as `backend NAME`.
    ///
    /// # Errors
    /// [`CredentialError::Configuration`], where the two do not go together, or the policy and the environment do not say enough.
    pub fn build(
        owner: &str,
        remote: &Remote,
        authentication: &Authentication,
        surroundings: &Surroundings,
    ) -> Result<Self, CredentialError> {
        let bearer = |source: Box<dyn Source<Secret>>, beside| {
            let source = InHeader { source, prefix: "Bearer ", place: "the token".to_owned() };
            Manner::Header { name: AUTHORIZATION, value: Refreshing::new(owner, source), beside }
        };
        let snowflake = |kind| purpose::is_snowflake(&remote.api).then(|| (SNOWFLAKE_TOKEN_TYPE, HeaderValue::from_static(kind)));
        let manner = match &remote.credential {
            Credential::None => Manner::Nothing,
            Credential::Key(place) => {
                let (name, prefix) = match authentication {
                    Authentication::Header(name) => (name.clone(), ""),
                    Authentication::Bearer | Authentication::SigV4 { .. } => (AUTHORIZATION, "Bearer "),
                };
                let source = SecretSource::new(place, surroundings)?;
                if let Some(key) = source.at_hand()? {
                    key.header(prefix, &place.to_string())?;
                }
                let source = InHeader { source, prefix, place: place.to_string() };
                Manner::Header { name, value: Refreshing::new(owner, source), beside: snowflake("PROGRAMMATIC_ACCESS_TOKEN") }
            }
            Credential::Aws(credential) => match authentication {
                Authentication::SigV4 { service, region } => {
                    Manner::Signature(aws::Signer::new(owner, credential, service, region, surroundings)?)
                }
                Authentication::Bearer | Authentication::Header(_) => {
                    let source = aws::BearerToken::new(credential, &remote.api, surroundings)?;
                    bearer(Box::new(source), None)
                }
            },
            Credential::Entra(credential) => {
                bearer(entra::source(credential, purpose::entra_scope(&remote.api), surroundings)?, None)
            }
            Credential::Google(credential) => {
                let project = credential.quota_project.as_deref().map(|project| {
                    let value = HeaderValue::try_from(project);
                    value.map_err(|_| CredentialError::configuration("`quota_project` holds characters that no project has"))
                });
                let beside = project.transpose()?.map(|project| (GOOGLE_QUOTA_PROJECT, project));
                bearer(google::source(&credential.source, surroundings)?, beside)
            }
            Credential::Ibm(credential) => bearer(Box::new(ibm::ApiKey::new(credential, surroundings)?), None),
            Credential::OAuth(credential) => {
                bearer(Box::new(oauth::ClientCredentials::new(credential, surroundings)?), snowflake("OAUTH"))
            }
            Credential::SnowflakeKeyPair(credential) => {
                bearer(Box::new(snowflake::KeyPair::new(credential, surroundings)?), snowflake("KEYPAIR_JWT"))
            }
        };
        Ok(Self { manner })
    }

    /// Begins to fetch the credential, so that the first request need not wait for it.
    pub fn warm(&self) {
        match &self.manner {
            Manner::Nothing => {}
            Manner::Header { value, .. } => value.warm(),
            Manner::Signature(signer) => signer.warm(),
        }
    }

    /// Adds the credential; whatever the request carries in its place is replaced. It is not to be changed afterwards: what is signed is
    /// what is sent. Waits only where there is no good credential yet.
    ///
    /// # Errors
    /// [`CredentialError`], where none can be had.
    pub async fn authorize(&self, request: &mut Request<Bytes>) -> Result<Shown, CredentialError> {
        match &self.manner {
            Manner::Nothing => Ok(Shown(0)),
            Manner::Header { name, value, beside } => {
                let held = value.get().await?;
                let headers = request.headers_mut();
                headers.insert(name.clone(), held.value.clone());
                if let Some((name, value)) = beside {
                    headers.insert(name.clone(), value.clone());
                }
                Ok(Shown(held.generation))
            }
            Manner::Signature(signer) => signer.sign(request).await.map(Shown),
        }
    }

    /// Whether there is another credential than the one that the upstream did not accept; fetches it where that can help.
    ///
    /// # Errors
    /// [`CredentialError`], where none can be had.
    pub async fn renew(&self, Shown(generation): Shown) -> Result<bool, CredentialError> {
        match &self.manner {
            Manner::Nothing => Ok(false),
            Manner::Header { value, .. } => value.renew(generation).await,
            Manner::Signature(signer) => signer.renew(generation).await,
        }
    }
}
