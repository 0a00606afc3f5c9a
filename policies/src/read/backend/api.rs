//! Reads what a backend speaks and where: the keys that a provider takes beside those that all take.

use super::super::cursor::{Located, Table, Value};
use super::address::Address;
use super::field::{IDENTIFIER, VISIBLE};
use super::kind::Speaks;
use super::{aws, vertex};
use crate::fault::Report;
use crate::spec::{AnthropicHost, AnthropicVersion, Api, AzureSurface, BaseUrl, WatsonxScope};

/// The version of Azure's model inference API, where none is named; the one that its SDK asks for.
const INFERENCE_VERSION: &str = "2024-05-01-preview";
/// The version of watsonx.ai's API, where none is named.
const WATSONX_VERSION: &str = "2024-03-13";

/// An API, and what its credential has to know of it.
pub(super) struct Spoken {
    pub(super) api: Api,
    /// The region of an API that names none itself.
    pub(super) region: Option<String>,
}

/// The API of a remote backend; `None` if it could not be read, and for this process.
pub(super) fn read(speaks: Speaks, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Spoken> {
    let api = match speaks {
        Speaks::OpenAi(host, address) => address.read(table, report).map(|base_url| Api::OpenAi { host, base_url }),
        Speaks::BedrockOpenAi => return aws::bedrock_openai(table, report),
        Speaks::SageMakerOpenAi => return aws::sagemaker_openai(table, report),
        Speaks::VertexOpenAi => vertex::openai(table, report),
        Speaks::AzureOpenAi(address) => azure_openai(address, table, report),
        Speaks::AzureInference(address) => azure_inference(address, table, report),
        Speaks::Anthropic(host, address) => anthropic(host, address, table, report),
        Speaks::Bedrock => aws::bedrock(table, report),
        Speaks::SageMaker => aws::sagemaker(table, report),
        Speaks::Vertex => vertex::read(table, report),
        Speaks::Gemini(address) => address.read(table, report).map(|base_url| Api::Gemini { base_url }),
        Speaks::Watsonx(address) => watsonx(address, table, report),
        Speaks::Cohere(address) => address.read(table, report).map(|base_url| Api::Cohere { base_url }),
        Speaks::Local => None,
    };
    api.map(|api| Spoken { api, region: None })
}

fn azure_openai(address: Address, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Api> {
    let base_url = address.read(table, report);
    let version = table.optional("api_version", report, version);
    let surface = version?.map_or(AzureSurface::V1, AzureSurface::Dated);
    Some(Api::AzureOpenAi { base_url: base_url?, surface })
}

fn azure_inference(address: Address, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Api> {
    let base_url = address.read(table, report);
    let version = table.optional("api_version", report, version)?.unwrap_or_else(|| INFERENCE_VERSION.into());
    Some(Api::AzureOpenAi { base_url: base_url?, surface: AzureSurface::ModelInference(version) })
}

fn anthropic(host: AnthropicHost, address: Address, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Api> {
    let base_url = address.read(table, report);
    let versions = [("2023-06-01", AnthropicVersion::V2023_06_01), ("2026-10-21", AnthropicVersion::V2026_10_21)];
    let version = table.optional("version", report, |value, report| value.choice(&versions, report));
    let betas = table.optional("betas", report, |value, report| {
        let betas: Vec<_> = value.list(report)?.into_iter().map(|beta| VISIBLE.read(beta, report)).collect();
        betas.into_iter().collect::<Option<Vec<String>>>()
    });
    Some(Api::Anthropic { host, base_url: base_url?, version: version?.unwrap_or_default(), betas: betas?.unwrap_or_default() })
}

fn watsonx(address: Address, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Api> {
    let base_url: Option<BaseUrl> = address.read(table, report);
    let version = table.optional("version", report, version);
    let scope = watsonx_scope(table, report);
    let version = version?.unwrap_or_else(|| WATSONX_VERSION.into());
    Some(Api::Watsonx { base_url: base_url?, version, scope: scope? })
}

/// Exactly one of the places where use is accounted.
fn watsonx_scope(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<WatsonxScope> {
    let project = table.optional("project", report, |value, report| IDENTIFIER.read(value, report));
    let space = table.optional("space", report, |value, report| IDENTIFIER.read(value, report));
    let deployment = table.optional("deployment", report, Value::boolean);
    match (project?, space?, deployment?.unwrap_or_default()) {
        (Some(project), None, false) => Some(WatsonxScope::Project(project)),
        (None, Some(space), false) => Some(WatsonxScope::Space(space)),
        (None, None, true) => Some(WatsonxScope::Deployment),
        _ => {
            let choices = "accepted: exactly one of `project`, `space` and `deployment = true`";
            report.fault(table.at, table.key.as_str(), format!("where its use is accounted is not clear; {choices}"));
            None
        }
    }
}

/// The version of an API that is a date.
fn version(value: Value<'_>, report: &mut Report<'_>) -> Option<String> {
    const ACCEPTED: &str = "a date such as `2024-10-21` in quotes, perhaps followed by `-preview`";
    let Located { value: written, at, key } = value.string_such_as(ACCEPTED, report)?;
    if !is_version(written) {
        report.fault(at, key, format!("this is no version; accepted: {ACCEPTED}"));
    }
    is_version(written).then(|| written.into())
}

fn is_version(text: &str) -> bool {
    let date = text.strip_suffix("-preview").unwrap_or(text);
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then_some(part.len());
    date.split('-').map(digits).eq([Some(4), Some(2), Some(2)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_date_and_so_are_those_that_are_filled_in() {
        for good in [INFERENCE_VERSION, WATSONX_VERSION, "2024-10-21"] {
            assert!(is_version(good), "{good}");
        }
        for bad in ["", "v1", "2024-10", "2024-10-21-beta", "2024-10-2x", "2024-10-21&x=y"] {
            assert!(!is_version(bad), "{bad}");
        }
    }
}
