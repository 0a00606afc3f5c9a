//! `[backend.NAME]`. Which keys a provider takes is not written here: the generator asks the reader.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::credential::Credential;
use super::model::ServedModel;
use super::route::Timeouts;
use super::value::{Concurrency, Duration, Jurisdiction, Moment, Name, Number, OrFalse, Path, Provider, Secret, Text, Url};

/// One deployment that can serve requests.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Backend {
    /// Whose API it is.
    provider: Provider,
    /// The models that it serves, by the ids that routes match.
    models: BTreeMap<String, ServedModel>,
    /// Where the API is; needed for servers of your own.
    base_url: Option<Url>,
    /// Where the key lies, if it is one that does not change by itself. Never the key itself.
    secret: Option<Secret>,
    /// How requests are authorised, in place of `secret`.
    credential: Option<Credential>,
    /// The limits of one attempt.
    timeouts: Option<Timeouts>,
    /// What it fails together with: a region, a hall. Else it fails alone.
    failure_domain: Option<Name>,
    /// Whether it takes no new request, or when. Those under way go on.
    #[schemars(extend("default" = false))]
    drained: Option<Drained>,
    /// The most requests at once: a number, `adaptive` (usual for servers of your own) or `unlimited` (usual for clouds).
    concurrency: Option<Concurrency>,
    /// Where its data may be processed: countries by two letters, `EU`, `EEA`. For the clouds it follows from the region.
    #[schemars(length(min = 1))]
    jurisdictions: Option<Vec<Jurisdiction>>,
    /// Whether it is agreed that nothing of a request is kept.
    zero_retention: Option<bool>,
    /// Whether it is agreed that no model is trained with requests.
    no_training: Option<bool>,
    /// What its server costs, in US dollars, whatever the model.
    cost: Option<Cost>,
    /// What a server of your own is asked to see whether it can serve; `false` for nothing.
    probe: Option<OrFalse<Poll>>,
    /// Where a server of your own publishes its load; `false` for nowhere.
    metrics: Option<OrFalse<Poll>>,
    /// A PEM file with the only authorities to trust, in place of the system's.
    ca_file: Option<Path>,
    /// What the gateway shows of itself in TLS.
    client_certificate: Option<ClientCertificate>,
    /// Which HTTP to speak.
    #[schemars(extend("default" = "auto"))]
    http: Option<Http>,
    /// An HTTP proxy to connect through, such as `http://proxy.internal:3128`.
    proxy: Option<Url>,
    /// The name to ask for in `Host` and in TLS, where the address is another.
    host: Option<Text>,
    /// What every request says besides. No secrets.
    headers: Option<BTreeMap<String, Text>>,
    /// The version of the API.
    version: Option<Text>,
    /// Values for `anthropic-beta`.
    betas: Option<Vec<Text>>,
    /// The version of Azure's API, a date.
    api_version: Option<Text>,
    /// The name of the Azure resource.
    resource: Option<Text>,
    /// The region, such as `eu-central-1`.
    region: Option<Text>,
    /// The address for reranking, in place of the region's.
    agent_url: Option<Url>,
    /// How chat is asked for.
    chat: Option<Chat>,
    /// A guardrail of Bedrock to apply.
    guardrail: Option<Guardrail>,
    /// The endpoint of SageMaker.
    endpoint: Option<Text>,
    /// The inference component of the endpoint.
    component: Option<Text>,
    /// What the container of the endpoint speaks.
    container: Option<Container>,
    /// Where models run: a location of Vertex AI.
    location: Option<Text>,
    /// The project.
    project: Option<Text>,
    /// The deployment space of watsonx.ai.
    space: Option<Text>,
    /// Whether the models are deployments of watsonx.ai.
    deployment: Option<bool>,
    /// The host name of the Databricks workspace.
    workspace: Option<Text>,
    /// The Snowflake account.
    account: Option<Text>,
}

/// A page that is fetched again and again.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Poll {
    /// The path from the root of the host.
    path: Option<Text>,
    /// How often, from 100 ms to 10 min.
    every: Option<Duration>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Cost {
    /// An hour of it.
    per_hour: Option<Number>,
    /// 10⁹ bytes of answers on their way out of its provider's network.
    egress_per_gb: Option<Number>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ClientCertificate {
    /// A PEM file with the chain, leaf first.
    certificate: Path,
    /// A PEM file with the private key.
    key: Path,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Guardrail {
    /// Its id or ARN.
    id: Text,
    /// Its version.
    version: Text,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Http {
    /// What TLS negotiates.
    Auto,
    /// HTTP/1.1.
    H1,
    /// HTTP/2.
    H2,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Chat {
    /// Bedrock's Converse, for every model.
    Converse,
    /// Gemini's own way, `generateContent`.
    Gemini,
    /// Anthropic's dialect, for Claude.
    Anthropic,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Container {
    /// OpenAI's API.
    OpenAi,
    /// Text Generation Inference.
    Tgi,
    /// LMI, DJL.
    Lmi,
    /// Text Embeddings Inference.
    Tei,
}

/// Whether, or in which windows.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Drained {
    /// As long as the policy says so, or not at all.
    Now(bool),
    /// In these windows of time.
    In(Vec<Window>),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Window {
    /// When it begins.
    from: Moment,
    /// When it ends; else it does not.
    until: Option<Moment>,
}
