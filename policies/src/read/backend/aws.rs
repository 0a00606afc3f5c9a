//! Reads what AWS serves: Bedrock, SageMaker, and the OpenAI endpoints of both.

use super::super::cursor::{Table, Value};
use super::address;
use super::api::Spoken;
use super::field::{self, GUARDRAIL, HOST_LABEL, IDENTIFIER, REGION};
use crate::fault::Report;
use crate::spec::{Api, BaseUrl, BedrockChat, OpenAiHost, SageMakerContainer};

pub(super) fn bedrock(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Api> {
    let region = table.required("region", report, |value, report| REGION.read(value, report));
    let base_url = table.optional("base_url", report, field::base_url);
    let agent_url = table.optional("agent_url", report, field::base_url);
    let chats = [("converse", BedrockChat::Converse), ("anthropic", BedrockChat::Anthropic)];
    let chat = table.optional("chat", report, |value, report| value.choice(&chats, report));
    let guardrail = table.optional("guardrail", report, guardrail);
    Some(Api::Bedrock {
        region: region?,
        base_url: base_url?,
        agent_url: agent_url?,
        chat: chat?.unwrap_or_default(),
        guardrail: guardrail?,
    })
}

/// A guardrail's identifier and version.
fn guardrail(value: Value<'_>, report: &mut Report<'_>) -> Option<(String, String)> {
    let mut table = value.table(report)?;
    let id = table.required("id", report, |value, report| GUARDRAIL.read(value, report));
    let version = table.required("version", report, |value, report| IDENTIFIER.read(value, report));
    table.finish(report);
    Some((id?, version?))
}

pub(super) fn sagemaker(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Api> {
    let region = table.required("region", report, |value, report| REGION.read(value, report));
    let base_url = table.optional("base_url", report, field::base_url);
    let containers = [
        ("openai", SageMakerContainer::OpenAi),
        ("tgi", SageMakerContainer::Tgi),
        ("lmi", SageMakerContainer::Lmi),
        ("tei", SageMakerContainer::Tei),
    ];
    let container = table.required("container", report, |value, report| value.choice(&containers, report));
    Some(Api::SageMaker { region: region?, base_url: base_url?, container: container? })
}

/// Bedrock's OpenAI endpoint. A `base_url` is all of its address.
pub(super) fn bedrock_openai(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Spoken> {
    let (base_url, region) = place(table, report)?;
    let base_url = match (base_url, &region) {
        (Some(base_url), _) => base_url,
        (None, region) => {
            let region = region.as_ref()?;
            let url = format!("https://bedrock-runtime.{region}.{}/openai/v1", domain(region));
            address::made(&url, table.at, &table.key, report)?
        }
    };
    Some(Spoken { api: Api::OpenAi { host: OpenAiHost::BedrockOpenAi, base_url }, region })
}

/// The OpenAI endpoint of one endpoint of SageMaker. A `base_url` stands in place of the region's host; the path with the endpoint
/// follows it.
pub(super) fn sagemaker_openai(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Spoken> {
    let place = place(table, report);
    let endpoint = table.required("endpoint", report, |value, report| HOST_LABEL.read(value, report));
    let component = table.optional("component", report, |value, report| HOST_LABEL.read(value, report));
    let (base_url, region) = place?;
    let host = match (base_url, &region) {
        (Some(base_url), _) => base_url.to_string(),
        (None, region) => {
            let region = region.as_ref()?;
            format!("https://runtime.sagemaker.{region}.{}", domain(region))
        }
    };
    let component = component?.map(|component| format!("/inference-components/{component}")).unwrap_or_default();
    let url = format!("{host}/endpoints/{}{component}/openai/v1", endpoint?);
    let base_url = address::made(&url, table.at, &table.key, report)?;
    Some(Spoken { api: Api::OpenAi { host: OpenAiHost::SageMakerOpenAi, base_url }, region })
}

/// An address and a region, at least one of them. The region may stand beside an address, because signing needs it too.
fn place(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<(Option<BaseUrl>, Option<String>)> {
    let base_url = table.optional("base_url", report, field::base_url);
    let region = table.optional("region", report, |value, report| REGION.read(value, report));
    let (base_url, region) = (base_url?, region?);
    if base_url.is_none() && region.is_none() {
        report.fault(table.at, table.key.as_str(), "missing key `region` or `base_url`");
        return None;
    }
    Some((base_url, region))
}

/// The domain of the partition that a region lies in.
fn domain(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "amazonaws.com.cn",
        Some("eusc") => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}
