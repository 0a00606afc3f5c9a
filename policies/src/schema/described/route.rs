//! `[[route]]`, `[defaults]` and what they share.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::model::Operation;
use super::value::{
    AbortIf, Duration, Jurisdiction, Model, ModelPattern, Money, Name, Number, OneOrMore, OrFalse, Share, Weight,
};

/// A table with keys of its own, and those that routes and `[defaults]` share.
macro_rules! choosing {
    ($(#[$doc:meta])* struct $name:ident { $($(#[$own_doc:meta])* $own:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(JsonSchema)]
        #[schemars(deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$own_doc])* $own: $type,)*
            /// What a backend has to keep to; what `[defaults]` requires holds in every route.
            require: Option<Require>,
            /// What is to be soon.
            #[schemars(extend("default" = "completion"))]
            objective: Option<Objective>,
            /// The time that a cent must save to be spent, at most `1h`; `false` if money does not count.
            #[schemars(extend("default" = false))]
            one_cent_buys: Option<OrFalse<Duration>>,
            /// Whether a second backend is asked when the first is slow; `false` for no.
            hedge: Option<OrFalse<Hedge>>,
            /// How often it is tried again.
            retry: Option<Retry>,
            /// The same as `retry.max_attempts`; one of them.
            #[schemars(range(min = 1, max = 10), extend("default" = 3))]
            max_attempts: Option<u8>,
            /// What becomes of a stream that breaks off.
            #[schemars(extend("default" = "error"))]
            midstream: Option<Midstream>,
            /// What nine requests in ten are to keep to.
            slo: Option<Slo>,
            /// When a request goes to a later tier.
            #[schemars(extend("default" = "unavailable"))]
            spill: Option<Spill>,
            /// How much requests may cost; what `[defaults]` says holds in every route.
            ceiling: Option<Ceiling>,
            /// Limits of time.
            timeouts: Option<Timeouts>,
        }
    };
}

choosing! {
    /// What holds for all routes and backends that do not say otherwise.
    struct Defaults {}
}

choosing! {
    /// From a model, and perhaps some tenants, to backends.
    struct Route {
        /// Its name in logs and metrics.
        name: Name,
        /// Which requests it is for.
        r#match: Match,
        /// Backends, in tiers: a later tier is for when the earlier ones cannot.
        tiers: Vec<Vec<Name>>,
        /// What share of the sessions each of these backends gets, by weight; the others are for when the drawn one cannot.
        split: Option<BTreeMap<String, Weight>>,
        /// A backend that a share of the sessions goes to first, to see whether it is fit for the others.
        canary: Option<Canary>,
        /// Where copies of some requests go, to be compared; nobody is answered from there.
        shadow: Option<Shadow>,
        /// The model, or an alias of it, that requests go on to which are too long for every backend of the route that could serve them.
        larger: Option<Model>,
    }
}

/// A backend on trial.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Canary {
    /// The backend. It need not be in the tiers.
    backend: Name,
    /// How many of the sessions go there first.
    share: Share,
    /// By what is told who goes there.
    #[schemars(extend("default" = "session"))]
    by: Option<By>,
    /// When it is given up, such as `error_rate > 2% or ttft_p95 > 2x`.
    abort_if: Option<AbortIf>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum By {
    Session,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Shadow {
    /// A backend that is in none of the tiers.
    backend: Name,
    /// How many of the requests that it may see, such as `1%`.
    share: Share,
    /// The most that it may cost in a day of UTC; needed where its model has a price.
    max_cost_per_day: Option<Money>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Require {
    /// Data may be processed there, and nowhere else: countries by two letters, `EU`, `EEA`.
    #[schemars(length(min = 1))]
    jurisdictions: Option<Vec<Jurisdiction>>,
    /// It is agreed that nothing of a request is kept.
    zero_retention: Option<bool>,
    /// It is agreed that no model is trained with requests.
    no_training: Option<bool>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Match {
    /// A model by its id or an alias of it, or several.
    model: OneOrMore<Model>,
    /// Patterns of tenants, `*` for any text; else all of them.
    #[schemars(length(min = 1))]
    tenant: Option<Vec<ModelPattern>>,
    /// Claims of the token by name, each with patterns of which one of its values has to fit one.
    claims: Option<BTreeMap<String, OneOrMore<ModelPattern>>>,
    /// The same of headers, by their names in lower case.
    headers: Option<BTreeMap<String, OneOrMore<ModelPattern>>>,
    /// What is to be done; else anything.
    #[schemars(length(min = 1))]
    operation: Option<Vec<Operation>>,
    /// An expression in CEL that is true or false.
    when: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Objective {
    /// The end of the answer.
    Completion,
    /// Its beginning.
    FirstToken,
    /// The cheapest that is predicted to keep to `slo`; else the fastest.
    CheapestWithinSlo,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Midstream {
    /// It ends with an error.
    Error,
    /// Another backend with the same weights goes on, if it can.
    Continue,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Hedge {
    /// How many of all requests may be sent twice, from `0%` to `20%`.
    #[schemars(extend("default" = "5%"))]
    budget: Option<Share>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Retry {
    /// How many backends one request may be sent to.
    #[schemars(range(min = 1, max = 10), extend("default" = 3))]
    max_attempts: Option<u8>,
    /// How many further attempts may be made of all requests.
    #[schemars(extend("default" = "20%"))]
    budget: Option<Share>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Slo {
    /// The most time to the first token.
    ttft_p90: Option<Duration>,
    /// The most time from one token to the next.
    tpot_p90: Option<Duration>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Spill {
    /// Where no backend of the earlier tiers is available.
    Unavailable,
    /// Also where none of them is predicted to keep to `slo`, and one of the later tier is.
    Slo,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Ceiling {
    /// A request: its prompt and all that may be answered.
    per_request: Option<Money>,
    /// All requests of one tenant in a day of UTC.
    per_tenant_day: Option<Money>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Timeouts {
    /// Until there is a connection. Not in a route.
    connect: Option<Duration>,
    /// Until the first token.
    first_token: Option<Duration>,
    /// Between two tokens.
    idle: Option<Duration>,
    /// Until the end of the answer.
    total: Option<Duration>,
    /// The least pace of a stream, over 30 s; 0 asks for none.
    tokens_per_second: Option<Number>,
}
