//! Where an endpoint is invoked.

use http::{HeaderValue, Uri, uri::InvalidUri};

use crate::aws::{dns_suffix, path_segment};

/// How the answer comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Whole,
    Frames,
}

/// The runtime of one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Runtime {
    base: String,
}

/// What the model's name says: the endpoint, and the inference component on it, if it houses several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target<'a> {
    pub(super) endpoint: &'a str,
    pub(super) component: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Reads `ENDPOINT` or `ENDPOINT/INFERENCE-COMPONENT`.
    pub(super) fn of(model: &'a str) -> Self {
        match model.split_once('/') {
            Some((endpoint, component)) => Self { endpoint, component: Some(component) },
            None => Self { endpoint: model, component: None },
        }
    }

    /// The header that names the component; an error where its name is none.
    pub(super) fn component_header(self) -> Result<Option<HeaderValue>, http::header::InvalidHeaderValue> {
        self.component.map(HeaderValue::from_str).transpose()
    }
}

impl Runtime {
    /// The runtime of `region`, or the one in its place: PrivateLink, FIPS.
    pub(super) fn of(region: &str, base: Option<&Uri>) -> Result<Self, InvalidUri> {
        let base = base.map_or_else(|| format!("https://runtime.sagemaker.{region}.{}", dns_suffix(region)), Uri::to_string);
        let base = base.trim_end_matches('/').to_owned();
        // That it is an address is found here, before the first request.
        base.parse::<Uri>()?;
        Ok(Self { base })
    }

    /// Where `endpoint` is invoked, by POST.
    pub(super) fn invocations(&self, endpoint: &str, transport: Transport) -> Result<Uri, InvalidUri> {
        let action = match transport {
            Transport::Whole => "invocations",
            Transport::Frames => "invocations-response-stream",
        };
        format!("{}/endpoints/{}/{action}", self.base, path_segment(endpoint)).parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_one_segment_of_the_regions_runtime() {
        let runtime = Runtime::of("cn-north-1", None).unwrap();
        let uri = runtime.invocations("my-ep", Transport::Whole).unwrap();
        assert_eq!(uri, "https://runtime.sagemaker.cn-north-1.amazonaws.com.cn/endpoints/my-ep/invocations");
        let private = "http://127.0.0.1:9/".parse().unwrap();
        let uri = Runtime::of("us-east-1", Some(&private)).unwrap().invocations("../x", Transport::Frames).unwrap();
        assert_eq!(uri, "http://127.0.0.1:9/endpoints/..%2Fx/invocations-response-stream");
    }

    #[test]
    fn a_component_may_follow_the_endpoint() {
        assert_eq!(Target::of("ep"), Target { endpoint: "ep", component: None });
        assert_eq!(Target::of("ep/ic-1"), Target { endpoint: "ep", component: Some("ic-1") });
        assert!(Target::of("ep/\n").component_header().is_err());
    }
}
