//! The locations of Vertex AI.

use super::{Jurisdictions, Runs, find, in_region};

/// Countries with their regions (cloud.google.com, "Vertex AI locations").
pub(super) const REGIONS: &[(&str, &[&str])] = &[
    ("US", &["us-central1", "us-east1", "us-east4", "us-east5", "us-south1", "us-west1", "us-west2", "us-west3", "us-west4"]),
    ("CA", &["northamerica-northeast1", "northamerica-northeast2"]),
    ("MX", &["northamerica-south1"]),
    ("BR", &["southamerica-east1"]),
    ("CL", &["southamerica-west1"]),
    ("BE", &["europe-west1"]),
    ("GB", &["europe-west2"]),
    ("DE", &["europe-west3", "europe-west10"]),
    ("NL", &["europe-west4"]),
    ("CH", &["europe-west6"]),
    ("IT", &["europe-west8", "europe-west12"]),
    ("FR", &["europe-west9"]),
    ("PL", &["europe-central2"]),
    ("FI", &["europe-north1"]),
    ("SE", &["europe-north2"]),
    ("ES", &["europe-southwest1"]),
    ("TW", &["asia-east1"]),
    ("HK", &["asia-east2"]),
    ("JP", &["asia-northeast1", "asia-northeast2"]),
    ("KR", &["asia-northeast3"]),
    ("IN", &["asia-south1", "asia-south2"]),
    ("SG", &["asia-southeast1"]),
    ("ID", &["asia-southeast2"]),
    ("AU", &["australia-southeast1", "australia-southeast2"]),
    ("IL", &["me-west1"]),
    ("QA", &["me-central1"]),
    ("SA", &["me-central2"]),
    ("ZA", &["africa-south1"]),
];

/// Where what is asked for at a location runs: in its region, in one of the two large areas, or wherever there is room.
pub(super) fn runs(location: &str) -> Option<Runs> {
    let places = match location {
        "global" => Jurisdictions::EVERYWHERE,
        "eu" => "EU".parse().ok()?,
        "us" => "US".parse().ok()?,
        region => return in_region(region, find(REGIONS, region)),
    };
    Some(Runs { places, because: format!("location `{location}`") })
}
