//! Where a cloud processes what it is sent: which countries a region lies in, and what moves requests out of it without saying so.
//!
//! A cloud's own word for a place is only half of it. Cross-region inference profiles of Amazon Bedrock, the global and the data zone
//! deployments of Azure and the multi-region locations of Vertex AI take a request at one region and answer it in another. Such a deployment may
//! run wherever its kind may, and is held to that: what is not known here satisfies no requirement.

mod aws;
mod azure;
mod google;
mod ibm;
mod jurisdictions;

pub use azure::DeploymentType;
pub use jurisdictions::{InvalidJurisdiction, Jurisdictions};

/// A cloud whose regions are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cloud {
    /// Amazon Bedrock, whose models' names may be those of inference profiles.
    Bedrock,
    /// Amazon SageMaker.
    SageMaker,
    /// Azure OpenAI and Azure AI Foundry.
    Azure,
    /// Vertex AI.
    Vertex,
    /// watsonx.ai.
    Ibm,
}

/// Where a model of a cloud runs, as far as its region and its name tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Runs {
    /// In which countries it may.
    pub(crate) places: Jurisdictions,
    /// What says so, such as ``region `eu-central-1` ``.
    pub(crate) because: String,
}

impl Cloud {
    /// Where the model `upstream` runs that is deployed so in `region`; none if that does not show.
    pub(crate) fn runs(self, region: Option<&str>, upstream: &str, deployment: Option<DeploymentType>) -> Option<Runs> {
        match self {
            Self::Bedrock => aws::bedrock(region?, upstream),
            Self::SageMaker => in_region(region?, aws::country(region?)),
            Self::Azure => azure::runs(region, deployment?),
            Self::Vertex => google::runs(region?),
            Self::Ibm => in_region(region?, ibm::country(region?)),
        }
    }
}

/// In a region and nowhere else, if it is known in which country that is.
fn in_region(region: &str, country: Option<&str>) -> Option<Runs> {
    let places = country?.parse().ok()?;
    Some(Runs { places, because: format!("region `{region}`") })
}

/// The country of a region, from a table of countries with the beginnings of their regions' names.
fn find(table: &[(&'static str, &[&str])], region: &str) -> Option<&'static str> {
    table.iter().find(|(_, regions)| regions.contains(&region)).map(|(country, _)| *country)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_names_countries_or_unions_and_no_region_twice() {
        for table in [aws::REGIONS, azure::REGIONS, google::REGIONS, ibm::REGIONS] {
            let mut regions: Vec<_> = table.iter().flat_map(|(_, regions)| *regions).collect();
            let count = regions.len();
            regions.sort_unstable();
            regions.dedup();
            assert_eq!(regions.len(), count);
            for (country, _) in table {
                assert!(country.parse::<Jurisdictions>().is_ok() && country.len() == 2, "{country}");
            }
        }
    }

    #[test]
    fn what_a_cloud_moves_silently_may_run_wherever_its_kind_may() {
        let runs = |cloud: Cloud, region, name, kind| cloud.runs(Some(region), name, kind).map(|runs| runs.places.to_string());
        let said = |text: &str| Some(text.to_owned());
        for (name, places) in [
            ("anthropic.claude-sonnet-4-20250514-v1:0", said("DE")),
            ("zai.glm-4.6", said("DE")),
            ("eu.anthropic.claude-sonnet-4-20250514-v1:0", said("EU")),
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", said("DE, US")),
            ("global.anthropic.claude-sonnet-4-20250514-v1:0", said("anywhere")),
            ("arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0", said("EU")),
            ("arn:aws:bedrock:eu-west-1:123456789012:provisioned-model/abc", said("DE, IE")),
            ("arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc", None),
            ("arn:aws:bedrock:eu-west-1::default-prompt-router/anthropic.claude:1", None),
            ("moon.anthropic.claude-sonnet-4-20250514-v1:0", None),
            ("moon.zai.glm-4.6", None),
            ("selene.new-model-v1:0", None),
        ] {
            assert_eq!(runs(Cloud::Bedrock, "eu-central-1", name, None), places, "{name}");
        }
        // A profile that is asked from outside its geography leads into it, or stays where it was asked.
        for (region, name, places) in [
            ("eu-west-2", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", said("EU, GB")),
            ("ca-central-1", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", said("CA, US")),
            ("ap-southeast-2", "au.anthropic.claude-sonnet-4-5-20250929-v1:0", said("AU, NZ")),
            ("ap-south-1", "in.moonshotai.kimi-k3", said("IN")),
            ("ap-south-1", "apac.amazon.nova-lite-v1:0", said("AE, AU, HK, ID, IN, JP, KR, MY, NZ, SG, TH, TW")),
        ] {
            assert_eq!(runs(Cloud::Bedrock, region, name, None), places, "{region} {name}");
        }
        for (region, places) in [
            ("global", said("anywhere")),
            ("eu", said("EU")),
            ("us", said("US")),
            ("europe-west4", said("NL")),
            ("europe-west8", said("EU")),
            ("us-central1", said("US")),
            // Google says that it does not promise where these compute.
            ("me-west1", None),
            ("africa-south1", None),
            ("moon-1", None),
        ] {
            assert_eq!(runs(Cloud::Vertex, region, "gemini", None), places, "{region}");
        }
        let (regional, zone, global) = (DeploymentType::Regional, DeploymentType::DataZone, DeploymentType::Global);
        for (region, kind, places) in [
            ("swedencentral", Some(regional), said("SE")),
            ("swedencentral", Some(zone), said("EU")),
            ("eastus2", Some(zone), said("US")),
            ("japaneast", Some(zone), None),
            ("swedencentral", Some(global), said("anywhere")),
            ("swedencentral", None, None),
        ] {
            assert_eq!(runs(Cloud::Azure, region, "gpt", kind), places, "{region} {kind:?}");
        }
        for (region, places) in [("eu-de", said("DE")), ("ap-south-1", said("IN")), ("br-sao", None)] {
            assert_eq!(runs(Cloud::Ibm, region, "granite", None), places, "{region}");
        }
        assert_eq!(runs(Cloud::SageMaker, "eusc-de-east-1", "own", None), said("DE"));
    }
}
