//! The tables of a policy file, described. The types are never filled: they are there for the schema.

#![expect(dead_code, reason = "only their descriptions are of use")]

use std::collections::BTreeMap;

use schemars::JsonSchema;

mod backend;
mod credential;
mod model;
mod route;
mod test;
mod value;

use backend::Backend;
use model::Price;
use route::{Defaults, Route};
use test::Test;
use value::{Count, Date, Jurisdiction, Model, ModelPattern, Money, OneOrMore, Text};

/// A policy of Tradewind, or a part of one: which backends there are, who may use which models, and which backends serve them.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "policy")]
pub(super) struct PolicyFile {
    /// The version of the policy language.
    #[schemars(range(min = 1, max = 1))]
    version: u8,
    /// What holds for all routes and backends that do not say otherwise.
    defaults: Option<Defaults>,
    /// Deployments that can serve requests, by names that you choose.
    backend: Option<BTreeMap<String, Backend>>,
    /// Further names under which applications may ask for a model.
    alias: Option<BTreeMap<String, Model>>,
    /// What the well-known models cost, in place of the table that comes with the gateway.
    prices: Option<Prices>,
    /// Who may use what. A policy that has any tenant denies all others.
    tenant: Option<BTreeMap<String, Tenant>>,
    /// From models to backends. The first route that matches decides.
    route: Option<Vec<Route>>,
    /// Requests, and what is to become of them. A policy whose tests fail never comes into force.
    test: Option<Vec<Test>>,
}

/// A table of prices: models by the names of their providers.
#[derive(JsonSchema)]
struct Prices {
    /// The day on which the prices were looked up.
    date: Date,
    /// Where they come from.
    source: Option<Text>,
    /// The models of a provider, each with its price.
    #[schemars(flatten)]
    catalogues: BTreeMap<String, BTreeMap<String, Price>>,
}

/// What a tenant may do, and how much of it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Tenant {
    /// The models and aliases that it may use; `*` stands for any text.
    allow: Vec<ModelPattern>,
    /// How much it may ask for, so that others get their share.
    limits: Option<TenantLimits>,
    /// How much it may spend, so that nobody is surprised.
    budget: Option<Budget>,
    /// Where its data may be processed, and nowhere else: countries by two letters, `EU`, `EEA`.
    #[schemars(length(min = 1))]
    residency: Option<Vec<Jurisdiction>>,
    /// Its requests go only where it is agreed that nothing of them is kept.
    zero_retention: Option<bool>,
    /// Its requests go only where it is agreed that no model is trained with them.
    no_training: Option<bool>,
    /// By which claims its tokens are known; else the token names it.
    who: Option<Who>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Who {
    /// Claims by name, each with patterns of which one of its values has to fit one.
    claims: BTreeMap<String, OneOrMore<ModelPattern>>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Budget {
    /// From midnight to midnight, UTC, such as `"$400"`.
    per_day: Option<Money>,
    /// From the first of a month to the next, UTC.
    per_month: Option<Money>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct TenantLimits {
    /// Requests a minute, a sixth of them at once; one more is refused with 429.
    requests_per_minute: Option<Count>,
    /// Requests under way.
    concurrency: Option<Count>,
}
