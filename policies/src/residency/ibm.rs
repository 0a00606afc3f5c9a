//! The regions of watsonx.ai.

use super::find;

/// Countries with the regions that have an endpoint of watsonx.ai (cloud.ibm.com/apidocs/watsonx-ai, "Endpoint URLs"). That of Mumbai lies at AWS,
/// under another host.
pub(super) const REGIONS: &[(&str, &[&str])] = &[
    ("US", &["us-south"]),
    ("CA", &["ca-tor"]),
    ("DE", &["eu-de"]),
    ("GB", &["eu-gb"]),
    ("IN", &["ap-south-1"]),
    ("JP", &["jp-tok"]),
    ("AU", &["au-syd"]),
];

/// The country of a region.
pub(super) fn country(region: &str) -> Option<&'static str> {
    find(REGIONS, region)
}
