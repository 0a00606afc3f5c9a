//! `models.ID` of a backend.

use schemars::JsonSchema;

use super::value::{Count, Device, Jurisdiction, Model, NameOrFalse, Number, Share};

/// A model, as one backend serves it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ServedModel {
    /// What the backend calls it; else its id.
    name: Option<Model>,
    /// What it can be asked for.
    #[schemars(length(min = 1), extend("default" = ["chat", "completions"]))]
    operations: Option<Vec<Operation>>,
    /// What is known of it better than the provider tells.
    capabilities: Option<Capabilities>,
    /// What it costs, in US dollars, or the name of a model in the table of prices; `false` if that is not to be known.
    price: Option<NameOrFalse<Price>>,
    /// The name of its weights: backends that say the same serve the same.
    weights: Option<Model>,
    /// Where data may be processed if it is asked for this model, above what the backend says.
    #[schemars(length(min = 1))]
    jurisdictions: Option<Vec<Jurisdiction>>,
    /// Azure: how far its requests may travel.
    deployment_type: Option<DeploymentType>,
    /// Local models: what computes it.
    device: Option<Device>,
    /// Local models: for how many tokens keys and values are kept.
    cache_tokens: Option<Count>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum DeploymentType {
    /// Requests stay in the region.
    Standard,
    /// Requests stay in the region.
    Provisioned,
    /// Requests stay in the data zone of the region.
    DataZone,
    /// Requests go anywhere.
    Global,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub(super) enum Operation {
    /// Conversations.
    Chat,
    /// Texts that are continued.
    Completions,
    /// Vectors.
    Embeddings,
    /// Documents in the order of their relevance.
    Rerank,
    /// The Open Inference Protocol.
    Infer,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Capabilities {
    /// The most tokens of prompt and answer together.
    context: Option<Count>,
    /// The most tokens of an answer.
    max_output: Option<Count>,
    /// Tools.
    tools: Option<bool>,
    /// That a tool must be called.
    forced_tools: Option<bool>,
    /// Images.
    vision: Option<bool>,
    /// JSON schemas.
    json_schema: Option<bool>,
    /// Likelihoods of tokens.
    logprobs: Option<bool>,
    /// `temperature` and its like.
    sampling: Option<bool>,
    /// Answers that the caller begins.
    prefill: Option<bool>,
    /// How the model is told to think.
    reasoning: Option<Reasoning>,
    /// The one name that its host knows of this field.
    max_tokens: Option<MaxTokens>,
    /// How long its embeddings are.
    dimensions: Option<Count>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Reasoning {
    /// By an effort.
    Effort,
    /// By a number of tokens.
    Budget,
    /// Not at all.
    None,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum MaxTokens {
    /// The older name.
    MaxTokens,
    /// The newer name.
    MaxCompletionTokens,
}

/// A table with keys of its own, and US dollars for a million tokens of each kind.
macro_rules! rates {
    ($(#[$doc:meta])* struct $name:ident { $($(#[$own_doc:meta])* $own:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(JsonSchema)]
        #[schemars(deny_unknown_fields)]
        pub(super) struct $name {
            /// A million tokens of input.
            r#in: Number,
            /// A million tokens of output.
            out: Number,
            /// A million tokens of input that a prompt cache held; else as `in`.
            cached_in: Option<Number>,
            /// A million tokens of input that are written to a prompt cache; else as `in`.
            cache_write: Option<Number>,
            /// A million tokens of output that went into thinking; else as `out`.
            reasoning: Option<Number>,
            $($(#[$own_doc])* $own: $type,)*
        }
    };
}

rates! {
    /// What a model costs, in US dollars.
    struct Price {
        /// Other rates for long prompts, the shortest first.
        above: Option<Vec<Above>>,
        /// A request.
        per_request: Option<Number>,
        /// Each second that a request takes.
        per_second: Option<Number>,
        /// How much less tokens cost where the provider may take its time.
        batch_discount: Option<Share>,
    }
}

rates! {
    /// The rates of long prompts.
    struct Above {
        /// Longer than this, in tokens.
        prompt: Count,
    }
}
