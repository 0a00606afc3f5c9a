//! Bearer tokens made from AWS credentials, for the OpenAI endpoints of Bedrock and SageMaker, which take no signature.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tradewind_policies::spec::{Api, AwsCredential, OpenAiHost};
use tradewind_providers::aws::{BearerService, bearer_token};

use super::{Chain, environment};
use crate::credential::{CredentialError, Fresh, Life, Secret, Source, Surroundings};

/// A token is good for so long, or as long as the credentials. Services accept twelve hours; what leaks should be worth less.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Tokens for one service.
#[derive(Debug)]
pub(in crate::credential) struct BearerToken {
    chain: Chain,
    service: BearerService,
    region: String,
    surroundings: Surroundings,
}

impl BearerToken {
    pub(in crate::credential) fn new(
        credential: &AwsCredential,
        api: &Api,
        surroundings: &Surroundings,
    ) -> Result<Self, CredentialError> {
        let (service, base_url) = match api {
            Api::OpenAi { host: OpenAiHost::BedrockOpenAi, base_url } => (BearerService::Bedrock, base_url),
            Api::OpenAi { host: OpenAiHost::SageMakerOpenAi, base_url } => (BearerService::SageMaker, base_url),
            _ => return Err(CredentialError::configuration("this provider takes no credentials of AWS")),
        };
        let named = || base_url.uri().host().and_then(region_of).map(str::to_owned);
        let region = credential.region.clone().or_else(named).or_else(|| environment::region(&surroundings.variables));
        let region = region
            .ok_or_else(|| CredentialError::configuration("`base_url` names no region of AWS; set `region` of the credential"))?;
        let chain = Chain::new(credential, &region, surroundings)?;
        Ok(Self { chain, service, region, surroundings: surroundings.clone() })
    }
}

impl Source<Secret> for BearerToken {
    fn obtain(&self) -> BoxFuture<'_, Result<Fresh<Secret>, CredentialError>> {
        Box::pin(async move {
            let Fresh { value: credentials, life } = self.chain.obtain().await?;
            let lifetime = life.end.map_or(LIFETIME, |end| end.min(LIFETIME));
            let token = bearer_token(self.service, &credentials, &self.region, lifetime, self.surroundings.clock.now());
            Ok(Fresh { value: Secret::of(&token, "the bearer token")?, life: Life::token(lifetime) })
        })
    }
}

/// The part of a host's name that is a region: `us-east-1`, `us-gov-west-1`.
fn region_of(host: &str) -> Option<&str> {
    host.split('.').find(|label| {
        let mut parts = label.rsplit('-');
        let is_number = parts.next().is_some_and(|last| !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()));
        is_number && parts.count() >= 2
    })
}

#[cfg(test)]
mod tests {
    use super::region_of;

    #[test]
    fn a_region_is_read_from_the_address() {
        assert_eq!(region_of("bedrock-runtime.us-east-1.amazonaws.com"), Some("us-east-1"));
        assert_eq!(region_of("bedrock-mantle.us-gov-west-1.api.aws"), Some("us-gov-west-1"));
        assert_eq!(region_of("vpce-0.example.com"), None);
    }
}
