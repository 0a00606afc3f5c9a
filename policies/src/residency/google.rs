//! The locations of Vertex AI.

use super::{Jurisdictions, Runs, find, in_region};

/// Countries with the regions that Google promises to compute in for some of its models, and the areas of the other regions in them
/// (docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/data-residency, "ML processing"). Of all other regions, those of the Middle East
/// among them, the same page says that there is no guarantee of where a request is processed.
pub(super) const REGIONS: &[(&str, &[&str])] = &[
    ("CA", &["northamerica-northeast1"]),
    ("BR", &["southamerica-east1"]),
    ("BE", &["europe-west1"]),
    ("GB", &["europe-west2"]),
    ("DE", &["europe-west3"]),
    ("NL", &["europe-west4"]),
    ("FR", &["europe-west9"]),
    ("TW", &["asia-east1"]),
    ("JP", &["asia-northeast1"]),
    ("KR", &["asia-northeast3"]),
    ("IN", &["asia-south1"]),
    ("SG", &["asia-southeast1"]),
    ("AU", &["australia-southeast1"]),
    (
        "US",
        &[
            "us-central1",
            "us-east1",
            "us-east4",
            "us-east5",
            "us-east7",
            "us-south1",
            "us-west1",
            "us-west2",
            "us-west3",
            "us-west4",
            "us-west8",
        ],
    ),
    (
        "EU",
        &[
            "europe-central2",
            "europe-north1",
            "europe-north2",
            "europe-southwest1",
            "europe-west8",
            "europe-west10",
            "europe-west12",
        ],
    ),
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
