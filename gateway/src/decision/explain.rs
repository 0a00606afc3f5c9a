//! How a request that nobody has sent would be decided just now.

use std::{collections::BTreeMap, time::SystemTime};

use rand::{SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use tradewind_policies::{
    Caller, Considered, NoRoute, Policy, Request,
    canary::Arm,
    decision::{Candidate, Excluded, Outgrown, Stays},
    select::{self, Ask, ExpectedOutput, Health, Learnt, Monotonic, Outlook, Prior, Reason, Removed, Turn, choose},
    spec::Target,
};
use tradewind_protocol::Operation;

use super::{
    asked::{Described, DescribedError, Understood},
    parts::{self, Thought},
};
use crate::{
    route::{Like, ask},
    snapshot::Snapshot,
};

/// How often the dice are thrown to see every choice that they may come to: one of a chance in five hundred is missed once in fifty.
const THROWS: usize = 2_000;

/// What there is to decide by.
#[derive(Debug, Clone, Copy)]
pub enum Means<'a> {
    /// The policy in force, and the backends as they are now.
    Live(&'a Snapshot),
    /// A policy, and what was learnt of some backends, by the backend's name and what it calls the model.
    Apart(&'a Policy, &'a BTreeMap<(String, String), Learnt>),
}

/// How a request would be decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The hash of the policy.
    pub policy: String,
    /// The route that matches.
    pub route: Option<String>,
    /// Where that is written.
    pub place: Option<String>,
    /// The model that the name stands for, or the larger one that the request goes on to.
    pub model: Option<String>,
    /// The routes that it leaves before this one, because it is too long for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outgrown: Vec<Outgrown>,
    /// Why it stays with this one, where it is too long for it and there is a larger model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stays: Option<Stays>,
    /// Why nobody may serve it, where that is so.
    pub refused: Option<String>,
    /// To which part of the sessions it belongs, where the route has a canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<Arm>,
    /// How many tokens the prompt has.
    pub prompt_tokens: u64,
    /// How many tokens to expect in the answer.
    pub expected_output_tokens: f64,
    /// Every backend of the route, with what left it out, or its score.
    pub candidates: Vec<Candidate>,
    /// Where it might go first, and how likely.
    pub draw: Vec<Chance>,
    /// Where copies of the route's requests go, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Copied>,
}

/// The backend that is sent copies of a route's requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// The backend.
    pub backend: String,
    /// What keeps it from seeing this request, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Excluded>,
}

/// A choice that might be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chance {
    /// The backend.
    pub backend: String,
    /// Why it would be chosen.
    pub reason: Reason,
    /// How likely that is, from 0 to 1.
    pub probability: f64,
}

/// How that request would be decided.
///
/// # Errors
/// The description describes none.
pub fn explain(described: &Described, means: Means<'_>) -> Result<Explanation, DescribedError> {
    let understood = described.understand()?;
    let policy = means.policy();
    let Understood { tenant, operation, needs, headers, claims, session } = &understood;
    let caller = Caller { tenant, claims, models: None, headers };
    let request = Request { caller, asked: &described.model, operation: *operation, needs: *needs, session: *session };
    let denied = policy.authorize(tenant, None, &described.model, *operation).err().filter(|_| policy.tenants().next().is_some());
    let (considered, no_route) = match policy.consider(&request) {
        Ok(considered) => (Some(means.as_they_are(considered)), policy.eligible(&request).err()),
        Err(no_route) => (None, Some(no_route)),
    };
    let mut explanation = Explanation {
        policy: policy.hash().to_string(),
        route: considered.as_ref().map(|considered| considered.route.to_string()),
        place: considered.as_ref().and_then(|considered| Some(considered.place?.to_string())),
        model: considered.as_ref().map(|considered| considered.model.to_string()),
        refused: denied.map(|denied| denied.to_string()).or_else(|| no_route.as_ref().map(in_short)),
        outgrown: considered.iter().flat_map(|considered| considered.outgrown.iter().map(Outgrown::from)).collect(),
        stays: considered.as_ref().and_then(|considered| Some(considered.stays.as_ref()?.into())),
        arm: considered.as_ref().and_then(Considered::arm),
        prompt_tokens: needs.prompt_tokens,
        expected_output_tokens: 0.0,
        candidates: Vec::new(),
        draw: Vec::new(),
        shadow: None,
    };
    if let Some(considered) = considered {
        explanation.weigh(&considered, &understood, means);
    }
    Ok(explanation)
}

/// Without what left out each backend: the candidates have that.
fn in_short(none: &NoRoute) -> String {
    match none {
        NoRoute::NoneEligible { model, route, stage, .. } => {
            format!("no backend of route `{route}` may serve model `{model}`; the last of them are left out by {stage}")
        }
        _ => none.to_string(),
    }
}

impl Explanation {
    fn weigh(&mut self, considered: &Considered<'_>, understood: &Understood, means: Means<'_>) {
        let Some((_, routing)) = means.policy().routes().find(|(name, _)| *name == considered.route) else { return };
        let needs = understood.needs;
        self.expected_output_tokens = means.expected_output(considered, understood);
        // Whether a prompt is cached somewhere depends on its text.
        let (prompt_tokens, cached_tokens, output_tokens) = (needs.prompt_tokens as f64, 0.0, self.expected_output_tokens);
        let like = Like { prompt_tokens, cached_tokens, output_tokens, answers: needs.answers() };
        let ask = |target: &Target| ask(routing, target.price.as_deref(), like);
        let thought = |target: &Target| means.thought(target, &ask(target));
        let backends = means.policy().backends();
        let name = |target: &Target| backends.get(target.backend.get()).map(|backend| backend.name.to_string());
        self.candidates = parts::candidates(considered, needs, self.expected_output_tokens, name, thought);
        self.shadow = considered.shadow.as_ref().and_then(|shadow| {
            Some(Copied { backend: name(shadow.target)?, excluded: shadow.excluded.as_ref().map(parts::excluded) })
        });
        let eligible =
            considered.candidates.iter().filter(|candidate| candidate.excluded.is_none()).map(|candidate| candidate.target);
        let known: Vec<_> = eligible.filter_map(|target| Some((target, thought(target)?))).collect();
        let candidates = known.iter().enumerate().map(|(place, (target, thought))| select::Candidate {
            target: place,
            tier: considered.tier(target),
            outlook: thought.outlook,
        });
        let candidates: Vec<_> = candidates.collect();
        self.draw = chances(&candidates, |place| name(known.get(place)?.0));
        self.score_those_in_the_draw(&candidates, |place| name(known.get(place)?.0));
    }

    /// Those that can be chosen are scored next to each other, as they are when one is.
    fn score_those_in_the_draw(&mut self, candidates: &[select::Candidate<usize>], name: impl Fn(usize) -> Option<String>) {
        for choice in throws(candidates) {
            let Some(backend) = name(choice.target) else { continue };
            if let Some(candidate) = self.candidates.iter_mut().find(|candidate| candidate.backend == backend) {
                candidate.score = Some(choice.score.into());
            }
        }
    }
}

/// Every choice that may come out, with how likely it is.
fn chances(candidates: &[select::Candidate<usize>], name: impl Fn(usize) -> Option<String>) -> Vec<Chance> {
    let mut chances: Vec<Chance> = Vec::new();
    for choice in throws(candidates) {
        let Some(backend) = name(choice.target) else { continue };
        if !chances.iter().any(|known| known.backend == backend && known.reason == choice.reason) {
            chances.push(Chance { backend, reason: choice.reason, probability: choice.probability });
        }
    }
    chances.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    chances
}

/// The same throws every time, so that an explanation does not change by itself.
fn throws(candidates: &[select::Candidate<usize>]) -> impl Iterator<Item = select::Choice<usize>> {
    let mut dice = StdRng::seed_from_u64(0);
    (0..THROWS).map_while(move |_| choose(candidates, Turn::First, &mut dice))
}

impl Means<'_> {
    fn policy(&self) -> &Policy {
        match self {
            Self::Live(snapshot) => &snapshot.policy,
            Self::Apart(policy, _) => policy,
        }
    }

    /// Without a canary that was given up.
    fn as_they_are<'p>(&self, considered: Considered<'p>) -> Considered<'p> {
        let canary = match self {
            Self::Live(snapshot) => snapshot.canary(considered.route),
            Self::Apart(..) => None,
        };
        if canary.is_some_and(|canary| canary.is_given_up()) { considered.of_control() } else { considered }
    }

    fn expected_output(&self, considered: &Considered<'_>, understood: &Understood) -> f64 {
        let most = understood.needs.max_output_tokens;
        if !matches!(understood.operation, Operation::Chat | Operation::Completions) {
            return 0.0;
        }
        let known = match self {
            Self::Live(snapshot) => snapshot.route_state(considered.route),
            Self::Apart(..) => None,
        };
        known.map_or_else(|| ExpectedOutput::default().tokens(most), |state| state.expected_output(&understood.tenant, most))
    }

    fn thought(&self, target: &Target, ask: &Ask) -> Option<Thought> {
        let now = match self {
            Self::Live(snapshot) => snapshot.now(),
            Self::Apart(..) => SystemTime::now(),
        };
        let is_drained = self.policy().backends().get(target.backend.get())?.drained.at(now.into());
        let (outlook, back_in) = match self {
            Self::Live(snapshot) => {
                let deployment = snapshot.deployment(target)?;
                let outlook = deployment.outlook(ask);
                (outlook, outlook.removed.and_then(Removed::until).map(|until| deployment.until(until)))
            }
            Self::Apart(policy, learnt) => (apart(policy, learnt, target, ask)?, None),
        };
        let outlook = if is_drained { outlook.without(Removed::Drained) } else { outlook };
        Some(Thought { outlook, cached_tokens: 0.0, back_in })
    }
}

/// What to expect of an idle backend by what was learnt of it before.
fn apart(policy: &Policy, learnt: &BTreeMap<(String, String), Learnt>, target: &Target, ask: &Ask) -> Option<Outlook> {
    let backend = policy.backends().get(target.backend.get())?;
    let mut health = Health::new(Prior::default(), backend.concurrency);
    if let Some(learnt) = learnt.get(&(backend.name.to_string(), target.model.to_string())) {
        health.recall(learnt);
    }
    Some(health.outlook(Monotonic::default(), ask))
}

impl Explanation {
    /// Whether somebody would serve it.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.refused.is_none() && !self.draw.is_empty()
    }

    /// The candidates in the terms of a record.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }
}

#[cfg(test)]
mod tests {
    use tradewind_policies::SourceFile;

    use super::*;

    const POLICY: &str = "version = 1\n\
        [backend.a]\nprovider = \"openai\"\nmodels.m = {}\n\
        [backend.b]\nprovider = \"openai\"\nmodels.m = {}\n\
        [backend.c]\nprovider = \"openai\"\ndrained = true\nmodels.m = {}\n\
        [backend.e]\nprovider = \"tei\"\nbase_url = \"http://e/v1\"\nmodels.m = { operations = [\"embeddings\"] }\n\
        [[route]]\nname = \"r\"\nmatch = { model = \"m\", tenant = [\"acme\"] }\ntiers = [[\"a\", \"b\", \"c\", \"e\"]]\n";

    fn policy() -> Policy {
        Policy::parse(&[SourceFile::new("policy.toml", POLICY)]).unwrap()
    }

    fn described(tenant: &str) -> Described {
        Described { model: "m".into(), tenant: tenant.into(), prompt_tokens: 1000, ..Described::default() }
    }

    #[test]
    fn every_candidate_is_told_with_its_score_or_with_what_left_it_out() {
        let learnt = Learnt { first_token: [0.4, 0.1, 0.0], per_token: [0.01, 0.0], variance: [0.25, 0.1] };
        let learnt = BTreeMap::from([(("a".to_owned(), "m".to_owned()), learnt)]);
        let policy = policy();
        let told = explain(&described("acme"), Means::Apart(&policy, &learnt)).unwrap();
        assert_eq!((told.route.as_deref(), told.place.as_deref()), (Some("r"), Some("policy.toml:16:1")));
        let [a, b, c, e] = told.candidates() else { panic!("{told:?}") };
        assert!(a.score.unwrap().total() < b.score.unwrap().total(), "{a:?} {b:?}");
        assert_eq!(c.removed.unwrap().reason, tradewind_policies::decision::RemovedReason::Drained);
        assert_eq!(e.excluded.as_ref().unwrap().stage, "operation");
        assert!(e.score.is_none() && e.expected.is_none());
        assert!(told.is_served());
        // `b` has never been heard of, so that it is tried now and then.
        let sum: f64 = told.draw.iter().map(|chance| chance.probability).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{:?}", told.draw);
        assert_eq!(told.draw.first().unwrap().backend, "a");
    }

    #[test]
    fn whether_a_copy_may_be_sent_is_told() {
        let policy = |places: &str| {
            let shadow = format!(
                "shadow = {{ backend = \"s\", share = \"1%\" }}\n[backend.s]\nprovider = \"vllm\"\nbase_url = \"http://s/v1\"\n\
                 {places}models.m = {{}}\n[tenant.acme]\nallow = [\"*\"]\nresidency = [\"EU\"]\n"
            );
            let text = format!("{POLICY}{shadow}").replace("[backend.a]\n", "[backend.a]\njurisdictions = [\"DE\"]\n");
            Policy::parse(&[SourceFile::new("policy.toml", text)]).unwrap()
        };
        let told = |places| explain(&described("acme"), Means::Apart(&policy(places), &BTreeMap::new())).unwrap().shadow.unwrap();
        assert_eq!(told("jurisdictions = [\"FR\"]\n"), Copied { backend: "s".into(), excluded: None });
        assert_eq!(told("jurisdictions = [\"US\"]\n").excluded.unwrap().stage, "residency");
    }

    #[test]
    fn where_nobody_serves_it_the_reason_is_told() {
        let policy = policy();
        let told = explain(&described("other"), Means::Apart(&policy, &BTreeMap::new())).unwrap();
        assert!(!told.is_served());
        assert_eq!(told.refused.as_deref(), Some("no route leads such a request of tenant `other` to model `m`"));
        assert!(told.candidates.is_empty() && told.draw.is_empty());
    }
}
