//! The regions of watsonx.ai.

use super::find;

/// Countries with their regions (cloud.ibm.com, "Regional availability for watsonx").
pub(super) const REGIONS: &[(&str, &[&str])] = &[
    ("US", &["us-south", "us-east"]),
    ("CA", &["ca-tor", "ca-mon"]),
    ("BR", &["br-sao"]),
    ("DE", &["eu-de"]),
    ("GB", &["eu-gb"]),
    ("ES", &["eu-es"]),
    ("JP", &["jp-tok", "jp-osa"]),
    ("AU", &["au-syd"]),
];

/// The country of a region.
pub(super) fn country(region: &str) -> Option<&'static str> {
    find(REGIONS, region)
}
