//! Where Bedrock's operations live.

use http::{Uri, uri::InvalidUri};

use crate::aws::{dns_suffix, partition, path_segment};

/// The addresses of one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    runtime: String,
    rerank: Uri,
    /// What the ARNs of the region's own models begin with.
    arn_prefix: String,
}

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Converse,
    ConverseStream,
    Invoke,
    InvokeStream,
}

impl Endpoint {
    /// The addresses of `region`, or those in their place: PrivateLink, FIPS, dual stack.
    pub(super) fn of(region: &str, runtime: Option<&Uri>, agent: Option<&Uri>) -> Result<Self, InvalidUri> {
        let suffix = dns_suffix(region);
        let base = |given: Option<&Uri>, service: &str| {
            let base = given.map_or_else(|| format!("https://{service}.{region}.{suffix}"), Uri::to_string);
            base.trim_end_matches('/').to_owned()
        };
        let runtime = base(runtime, "bedrock-runtime");
        // That it is an address is found here, before the first request.
        runtime.parse::<Uri>()?;
        Ok(Self {
            runtime,
            rerank: format!("{}/rerank", base(agent, "bedrock-agent-runtime")).parse()?,
            arn_prefix: format!("arn:{}:bedrock:{region}::foundation-model/", partition(region)),
        })
    }

    /// Where `model` does `action`, by POST. The model's id or ARN is one segment of the path, whatever it holds.
    pub(super) fn model(&self, model: &str, action: Action) -> Result<Uri, InvalidUri> {
        let action = match action {
            Action::Converse => "converse",
            Action::ConverseStream => "converse-stream",
            Action::Invoke => "invoke",
            Action::InvokeStream => "invoke-with-response-stream",
        };
        format!("{}/model/{}/{action}", self.runtime, path_segment(model)).parse()
    }

    /// Where documents are ordered, by POST.
    pub(super) const fn rerank(&self) -> &Uri {
        &self.rerank
    }

    /// The ARN of a model that is named by its id; one that is named by an ARN keeps it.
    pub(super) fn arn(&self, model: &str) -> String {
        if model.starts_with("arn:") { model.to_owned() } else { format!("{}{model}", self.arn_prefix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_has_its_hosts() {
        for (region, host) in [
            ("us-east-1", "https://bedrock-runtime.us-east-1.amazonaws.com"),
            ("cn-north-1", "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", "https://bedrock-runtime.eusc-de-east-1.amazonaws.eu"),
        ] {
            let uri = Endpoint::of(region, None, None).unwrap().model("a.b-v1:0", Action::Converse).unwrap();
            assert_eq!(uri.to_string(), format!("{host}/model/a.b-v1%3A0/converse"));
        }
    }

    #[test]
    fn addresses_may_be_given() {
        let (runtime, agent) = ("http://127.0.0.1:9/x/".parse().unwrap(), "https://vpce-1.example".parse().unwrap());
        let endpoint = Endpoint::of("us-east-1", Some(&runtime), Some(&agent)).unwrap();
        assert_eq!(
            endpoint.model("m", Action::InvokeStream).unwrap(),
            "http://127.0.0.1:9/x/model/m/invoke-with-response-stream"
        );
        assert_eq!(endpoint.rerank(), "https://vpce-1.example/rerank");
        assert!(Endpoint::of("us east", None, None).is_err());
    }

    #[test]
    fn a_model_is_one_segment_and_has_an_arn() {
        let endpoint = Endpoint::of("us-gov-west-1", None, None).unwrap();
        let arn = "arn:aws:bedrock:us-east-1:1:application-inference-profile/x";
        let uri = endpoint.model(arn, Action::ConverseStream).unwrap();
        assert!(uri.path().ends_with("/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fx/converse-stream"));
        assert!(!endpoint.model("../../x?y#z", Action::Converse).unwrap().path().contains("/x"));
        assert_eq!(
            endpoint.arn("cohere.rerank-v3-5:0"),
            "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/cohere.rerank-v3-5:0"
        );
        assert_eq!(endpoint.arn(arn), arn);
    }
}
