//! Reads what Vertex AI serves: its own API, and its OpenAI endpoint.

use super::super::cursor::Table;
use super::address;
use super::field::{self, IDENTIFIER, REGION};
use crate::fault::Report;
use crate::spec::{Api, BaseUrl, OpenAiHost, VertexChat};

pub(super) fn read(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Api> {
    let Place { project, location, base_url } = place(table, report);
    let chats = [("gemini", VertexChat::Gemini), ("anthropic", VertexChat::Anthropic)];
    let chat = table.optional("chat", report, |value, report| value.choice(&chats, report));
    Some(Api::Vertex { project: project?, location: location?, base_url: base_url?, chat: chat? })
}

/// The OpenAI endpoint. A `base_url` stands in place of the location's host; the path with project and location follows it.
pub(super) fn openai(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Api> {
    let Place { project, location, base_url } = place(table, report);
    let (project, location) = (project?, location?);
    let host = base_url?.map_or_else(|| host(&location), |url| url.to_string());
    let url = format!("{host}/v1/projects/{project}/locations/{location}/endpoints/openapi");
    let base_url = address::made(&url, table.at, &table.key, report)?;
    Some(Api::OpenAi { host: OpenAiHost::VertexOpenAi, base_url })
}

/// Where models run; each as far as it could be read.
struct Place {
    project: Option<String>,
    location: Option<String>,
    base_url: Option<Option<BaseUrl>>,
}

fn place(table: &mut Table<'_>, report: &mut Report<'_>) -> Place {
    Place {
        project: table.required("project", report, |value, report| IDENTIFIER.read(value, report)),
        location: table.required("location", report, |value, report| REGION.read(value, report)),
        base_url: table.optional("base_url", report, field::base_url),
    }
}

/// The address of a location: one region, everywhere, or one of the two large areas.
fn host(location: &str) -> String {
    match location {
        "global" => "https://aiplatform.googleapis.com".into(),
        "us" | "eu" => format!("https://aiplatform.{location}.rep.googleapis.com"),
        region => format!("https://{region}-aiplatform.googleapis.com"),
    }
}
