//! `[[test]]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::model::Operation;
use super::value::{Count, Model, ModelPattern, Moment, Name, OneOrMany, OrFalse, Text, Tokens};
use crate::policy::{Denied, Stage};

/// A request, and what is to become of it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Test {
    /// What it is called in messages.
    #[schemars(length(min = 1, max = 200))]
    name: Option<String>,
    /// The request.
    given: Given,
    /// What is presumed of the world.
    with: Option<With>,
    /// What is to become of the request: at least one.
    expect: Expect,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Given {
    /// The name that is asked for: a model's id or an alias.
    model: Model,
    /// Who asks; needed where the policy declares tenants.
    tenant: Option<Name>,
    /// What is asked for; else `chat`, or the first that the model serves.
    operation: Option<Operation>,
    /// How long the prompt is, in tokens.
    prompt_tokens: Option<Tokens>,
    /// How long the answer may be, in tokens.
    max_output_tokens: Option<Tokens>,
    /// How many answers are asked for; else one.
    answers: Option<Count>,
    /// How long the embeddings have to be.
    dimensions: Option<Tokens>,
    /// What the request uses of a model.
    features: Option<Vec<Feature>>,
    /// What the token claims.
    claims: Option<BTreeMap<String, OneOrMany>>,
    /// What the headers say.
    headers: Option<BTreeMap<String, OneOrMany>>,
    /// What the conversation is known by.
    session: Option<Text>,
    /// Patterns of the models that the token grants; else all of them.
    grants: Option<Vec<ModelPattern>>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Feature {
    /// Tools.
    Tools,
    /// Images.
    Vision,
    /// An answer that keeps to a schema.
    JsonSchema,
    /// How likely the tokens were.
    Logprobs,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct With {
    /// Backends that are out of service.
    down: Option<Vec<Name>>,
    /// What the time is; else one in which no drain is scheduled.
    at: Option<Moment>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
struct Expect {
    /// Exactly these backends may serve it.
    #[schemars(length(min = 1))]
    only: Option<Vec<Name>>,
    /// These backends, among others, may serve it.
    #[schemars(length(min = 1))]
    includes: Option<Vec<Name>>,
    /// None of these backends may serve it, but others may.
    #[schemars(length(min = 1))]
    excludes: Option<Vec<Name>>,
    /// Exactly these backends are asked before all others.
    #[schemars(length(min = 1))]
    first_tier: Option<Vec<Name>>,
    /// The backend that may be sent a copy of it; `false` for none.
    shadow: Option<OrFalse<Name>>,
    /// The route that decides.
    route: Option<Name>,
    /// The caller may not ask for it, and why. Stands alone.
    #[schemars(extend("enum" = Denied::REASONS))]
    denied: Option<String>,
    /// Nothing can serve it, and why. Stands alone.
    #[schemars(extend("enum" = dead_ends()))]
    no_backend: Option<String>,
}

fn dead_ends() -> Vec<&'static str> {
    ["no-route"].into_iter().chain(Stage::ALL.into_iter().map(Stage::as_str)).chain(["out-of-service"]).collect()
}
