//! The regions of AWS, and the inference profiles of Bedrock.

use super::{Jurisdictions, Runs, find};

/// Countries with their regions (docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html; the sovereign and the Chinese regions
/// as in botocore's `endpoints.json`).
pub(super) const REGIONS: &[(&str, &[&str])] = &[
    ("US", &["us-east-1", "us-east-2", "us-west-1", "us-west-2", "us-gov-east-1", "us-gov-west-1"]),
    ("CA", &["ca-central-1", "ca-west-1"]),
    ("MX", &["mx-central-1"]),
    ("BR", &["sa-east-1"]),
    ("DE", &["eu-central-1", "eusc-de-east-1"]),
    ("CH", &["eu-central-2"]),
    ("IE", &["eu-west-1"]),
    ("GB", &["eu-west-2"]),
    ("FR", &["eu-west-3"]),
    ("IT", &["eu-south-1"]),
    ("ES", &["eu-south-2"]),
    ("SE", &["eu-north-1"]),
    ("IL", &["il-central-1"]),
    ("BH", &["me-south-1"]),
    ("AE", &["me-central-1"]),
    ("ZA", &["af-south-1"]),
    ("HK", &["ap-east-1"]),
    ("TW", &["ap-east-2"]),
    ("IN", &["ap-south-1", "ap-south-2"]),
    ("JP", &["ap-northeast-1", "ap-northeast-3"]),
    ("KR", &["ap-northeast-2"]),
    ("SG", &["ap-southeast-1"]),
    ("AU", &["ap-southeast-2", "ap-southeast-4"]),
    ("ID", &["ap-southeast-3"]),
    ("MY", &["ap-southeast-5"]),
    ("NZ", &["ap-southeast-6"]),
    ("TH", &["ap-southeast-7"]),
    ("CN", &["cn-north-1", "cn-northwest-1"]),
];

/// The geographies of inference profiles by the first part of their names, and where each may send a request
/// (docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html). Regions join a geography without notice, so each is as
/// wide as its name, and `apac` has the region of the Emirates too (docs.aws.amazon.com/cdk/api/v2, `CrossRegionInferenceProfileRegion`).
///
/// From a region outside its geography, a profile leads into the geography or stays where it was asked: `us` from Canada, `eu` from London and
/// Zurich (aws.amazon.com/blogs/machine-learning, "Unlocking AI flexibility in Europe").
const PROFILES: [(&str, &[&str]); 8] = [
    ("us", &["US"]),
    ("us-gov", &["US"]),
    ("eu", &["EU"]),
    ("apac", &["AE", "AU", "HK", "ID", "IN", "JP", "KR", "MY", "NZ", "SG", "TH", "TW"]),
    ("jp", &["JP"]),
    ("au", &["AU", "NZ"]),
    ("ca", &["CA"]),
    ("in", &["IN"]),
];

/// The publishers of Bedrock's models, who stand first in the name of a model that stays in its region
/// (docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html).
const PUBLISHERS: [&str; 20] = [
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "luma",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
    "xai",
    "zai",
];

/// The country of a region.
pub(super) fn country(region: &str) -> Option<&'static str> {
    find(REGIONS, region)
}

/// Where a model of Bedrock runs that is asked for at `region`.
pub(super) fn bedrock(region: &str, model: &str) -> Option<Runs> {
    let asked_at: Jurisdictions = country(region)?.parse().ok()?;
    let (elsewhere, because) = match model.strip_prefix("arn:") {
        Some(arn) => by_arn(arn)?,
        None => by_name(model)?,
    };
    let because = because.unwrap_or_else(|| format!("region `{region}`"));
    // Where a request is taken, it is processed too.
    Some(Runs { places: asked_at.union(elsewhere), because })
}

/// Where else a model runs, and what says so if it is not the region.
type Elsewhere = (Jurisdictions, Option<String>);

fn by_name(model: &str) -> Option<Elsewhere> {
    let (first, _) = model.split_once('.')?;
    let places = match PROFILES.iter().find(|(geography, _)| *geography == first) {
        Some((_, countries)) => countries.iter().filter_map(|country| country.parse::<Jurisdictions>().ok()).collect(),
        None if first == "global" => Jurisdictions::EVERYWHERE,
        None if PUBLISHERS.contains(&first) => return Some((Jurisdictions::default(), None)),
        // A publisher that is not known, or a profile of a geography that is not.
        None => return None,
    };
    Some((places, Some(format!("inference profile `{first}.`"))))
}

/// Of `aws:bedrock:REGION:ACCOUNT:KIND/NAME`. An application's own profile, or a router, does not show what is behind it.
fn by_arn(arn: &str) -> Option<Elsewhere> {
    let mut parts = arn.splitn(5, ':');
    let (region, resource) = (parts.nth(2)?, parts.nth(1)?);
    let (kind, name) = resource.split_once('/')?;
    match kind {
        "inference-profile" => by_name(name),
        "foundation-model" | "provisioned-model" | "custom-model" | "custom-model-deployment" | "imported-model" => {
            Some((country(region)?.parse().ok()?, None))
        }
        _ => None,
    }
}
