//! The regions of Azure, and the kinds of deployments that leave them.

use super::{Jurisdictions, Runs, find, in_region};

/// How a model is deployed on Azure: whether requests stay in the region (learn.microsoft.com/azure/ai-foundry/openai/how-to/deployment-types).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeploymentType {
    /// Standard, or regional provisioned: they stay.
    Regional,
    /// In any region of the data zone that the region belongs to: the member states of the EU, or the US.
    DataZone,
    /// In any region of Azure.
    Global,
}

/// Countries with their regions (learn.microsoft.com/azure/reliability/regions-list; those of the American and the Chinese cloud:
/// learn.microsoft.com/azure/azure-government and docs.azure.cn).
pub(super) const REGIONS: &[(&str, &[&str])] = &[
    (
        "US",
        &[
            "centralus",
            "eastus",
            "eastus2",
            "northcentralus",
            "southcentralus",
            "westcentralus",
            "westus",
            "westus2",
            "westus3",
            "usdodcentral",
            "usdodeast",
            "usgovarizona",
            "usgovtexas",
            "usgovvirginia",
        ],
    ),
    ("CA", &["canadacentral", "canadaeast"]),
    ("MX", &["mexicocentral"]),
    ("BR", &["brazilsouth", "brazilsoutheast"]),
    ("CL", &["chilecentral"]),
    ("IE", &["northeurope"]),
    ("NL", &["westeurope"]),
    ("GB", &["uksouth", "ukwest"]),
    ("FR", &["francecentral", "francesouth"]),
    ("DE", &["germanynorth", "germanywestcentral"]),
    ("NO", &["norwayeast", "norwaywest"]),
    ("SE", &["swedencentral", "swedensouth"]),
    ("CH", &["switzerlandnorth", "switzerlandwest"]),
    ("IT", &["italynorth"]),
    ("PL", &["polandcentral"]),
    ("ES", &["spaincentral"]),
    ("AT", &["austriaeast"]),
    ("BE", &["belgiumcentral"]),
    ("DK", &["denmarkeast"]),
    ("IL", &["israelcentral"]),
    ("AE", &["uaecentral", "uaenorth"]),
    ("QA", &["qatarcentral"]),
    ("ZA", &["southafricanorth", "southafricawest"]),
    ("IN", &["centralindia", "jioindiacentral", "jioindiawest", "southindia", "westindia"]),
    ("HK", &["eastasia"]),
    ("SG", &["southeastasia"]),
    ("JP", &["japaneast", "japanwest"]),
    ("KR", &["koreacentral", "koreasouth"]),
    ("ID", &["indonesiacentral"]),
    ("MY", &["malaysiawest"]),
    ("TW", &["taiwannorth"]),
    ("AU", &["australiacentral", "australiacentral2", "australiaeast", "australiasoutheast"]),
    ("NZ", &["newzealandnorth"]),
    ("CN", &["chinaeast", "chinaeast2", "chinaeast3", "chinanorth", "chinanorth2", "chinanorth3"]),
];

/// Where a deployment runs; of one that is global, the region does not matter.
pub(super) fn runs(region: Option<&str>, deployment: DeploymentType) -> Option<Runs> {
    if deployment == DeploymentType::Global {
        return Some(Runs { places: Jurisdictions::EVERYWHERE, because: "deployment type `global`".into() });
    }
    let region = region?;
    let country = find(REGIONS, region);
    match deployment {
        DeploymentType::DataZone => {
            let (eu, us): (Jurisdictions, Jurisdictions) = ("EU".parse().ok()?, "US".parse().ok()?);
            let at: Jurisdictions = country?.parse().ok()?;
            let places = [eu, us].into_iter().find(|zone| zone.cover(&at))?;
            Some(Runs { places, because: format!("deployment type `data-zone` in region `{region}`") })
        }
        DeploymentType::Regional | DeploymentType::Global => in_region(region, country),
    }
}
