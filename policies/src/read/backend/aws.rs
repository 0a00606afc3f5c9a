//! Reads what AWS serves: Bedrock, SageMaker, and the OpenAI endpoints of both.

use super::super::cursor::{Table, Value};
use super::address;
use super::api::Spoken;
use super::field::{self, GUARDRAIL, IDENTIFIER, REGION};
use crate::fault::Report;
use crate::spec::{Api, BedrockChat, OpenAiHost, SageMakerContainer};

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

/// An OpenAI endpoint of AWS. The region may stand beside an address, because signing needs it too.
pub(super) fn openai(
    host: OpenAiHost,
    service: &str,
    path: &str,
    table: &mut Table<'_>,
    report: &mut Report<'_>,
) -> Option<Spoken> {
    let base_url = table.optional("base_url", report, field::base_url);
    let region = table.optional("region", report, |value, report| REGION.read(value, report));
    let (base_url, region) = (base_url?, region?);
    let base_url = match (base_url, &region) {
        (Some(base_url), _) => Some(base_url),
        (None, Some(region)) => {
            let url = format!("https://{service}.{region}.{}{path}", domain(region));
            address::made(&url, table.at, &table.key, report)
        }
        (None, None) => {
            report.fault(table.at, table.key.as_str(), "missing key `region` or `base_url`");
            None
        }
    };
    Some(Spoken { api: Api::OpenAi { host, base_url: base_url? }, region })
}

/// The domain of the partition that a region lies in.
fn domain(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "amazonaws.com.cn",
        Some("eusc") => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}
