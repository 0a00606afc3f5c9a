//! The backends as they are being used, for an operator to look at.

use serde::Serialize;
use tradewind_policies::{
    decision::Moment,
    select::{Aim, Ask, Outlook, Removed},
    spec::Window,
};

use crate::snapshot::{Backend, Snapshot};

/// The request that predictions are told for: its prompt has a thousand tokens.
const EXAMPLE: Ask =
    Ask { prompt_tokens: 1000.0, cached_tokens: 0.0, output_tokens: 0.0, cost: 0.0, aim: Aim::NONE, forecast: None };

/// One model of one backend.
#[derive(Debug, Serialize)]
struct Deployment<'a> {
    backend: &'a str,
    model: &'a str,
    /// Who took it out of service; empty if nobody did.
    drained_by: Vec<&'static str>,
    /// When the policy takes it out of service.
    drains: Vec<Drain>,
    /// Whether it can serve, as far as active checks tell.
    healthy: bool,
    /// Why it gets no requests just now.
    removed: Option<String>,
    /// After how many seconds that ends, if it is known.
    back_in: Option<f64>,
    in_flight: usize,
    /// How many requests it may have at once, if that is limited.
    allowed: Option<f64>,
    /// How many of those under way wait for their first token.
    waiting: usize,
    /// How many requests others have on its server, by that server's account.
    shared_with: f64,
    /// How many seconds ago it last sent a first token.
    heard: Option<f64>,
    first_token: FirstToken,
    /// Seconds from one token to the next, as predicted now.
    per_token: f64,
    /// The share of attempts that fail.
    failure_rate: f64,
}

/// A time in which it takes no new request.
#[derive(Debug, Serialize)]
struct Drain {
    from: String,
    until: Option<String>,
}

/// What the time to the first token is predicted from, in seconds.
#[derive(Debug, Serialize)]
struct FirstToken {
    idle: f64,
    per_thousand_prompt_tokens: f64,
    /// For the requests under way.
    load: f64,
    /// How much slower than that it is just now.
    factor: f64,
    /// Of the logarithm of single answers.
    variance: f64,
}

/// All deployments, or those of one backend, as a JSON list.
pub(super) fn list(snapshot: &Snapshot, only: Option<&str>) -> serde_json::Result<String> {
    let backends = snapshot.backends().filter(|backend| only.is_none_or(|name| backend.spec().name.as_str() == name));
    let now = snapshot.now().into();
    let mut deployments: Vec<_> = backends.flat_map(|backend| deployments(backend, now)).collect();
    deployments.sort_by_key(|deployment| (deployment.backend, deployment.model));
    serde_json::to_string_pretty(&deployments).map(|text| text + "\n")
}

fn deployments(backend: &Backend, now: Moment) -> impl Iterator<Item = Deployment<'_>> {
    let drained = &backend.spec().drained;
    let policy = drained.at(now).then_some("policy");
    let drains = || {
        drained
            .windows()
            .iter()
            .map(|Window { from, until }| Drain { from: from.to_string(), until: until.map(|until| until.to_string()) })
            .collect()
    };
    let operator = backend.switch().is_off().then_some("operator");
    backend.deployments().map(move |deployment| {
        let Outlook { first_token, per_token, failure_rate, first_token_variance, removed, heard, waiting, .. } =
            deployment.outlook(&EXAMPLE);
        let removed = if policy.is_some() { Some(Removed::Drained) } else { removed };
        Deployment {
            backend: deployment.backend_name(),
            model: deployment.model().as_str(),
            drained_by: policy.into_iter().chain(operator).collect(),
            drains: drains(),
            healthy: deployment.is_healthy(),
            removed: removed.map(|removed| removed.to_string()),
            back_in: removed.and_then(Removed::until).map(|moment| deployment.until(moment).as_secs_f64()),
            in_flight: deployment.in_flight(),
            allowed: deployment.allowed(),
            waiting,
            shared_with: deployment.shared_with(),
            heard: heard.map(|heard| heard.as_secs_f64()),
            first_token: FirstToken {
                idle: first_token.base,
                per_thousand_prompt_tokens: first_token.prompt,
                load: first_token.load,
                factor: first_token.factor,
                variance: first_token_variance,
            },
            per_token,
            failure_rate,
        }
    })
}
