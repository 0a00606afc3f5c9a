//! The candidates and the attempts of a decision, put into words.

use std::{sync::Arc, time::Duration};

use tradewind_policies::{
    Considered, Needs, Request,
    canary::Arm,
    decision::{Attempt, Candidate, Excluded, Expected, Outgrown, Removal, Stays},
    select::{self, Outlook, Score},
    spec::Target,
};

use crate::{
    context::{Look, Made, RequestContext},
    route::{Like, predicted},
};

/// What was thought of a target that the policy let the request go to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thought {
    pub(super) outlook: Outlook,
    pub(super) cached_tokens: f64,
    pub(super) back_in: Option<Duration>,
}

/// The route of a request and its candidates.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) route: Option<String>,
    pub(super) model: Option<String>,
    pub(super) outgrown: Vec<Outgrown>,
    pub(super) stays: Option<Stays>,
    pub(super) candidates: Vec<Candidate>,
}

/// The request as its policy saw it; none where the policy was not asked for a route.
fn request<'c>(context: &'c RequestContext, needs: Needs) -> Option<Request<'c>> {
    let asked = context.asked()?;
    let (caller, operation, session) = (context.caller()?, asked.operation, context.session());
    Some(Request { caller, asked: &asked.model, operation, needs, session })
}

/// What its policy says of a request, and what was thought of the backends; none where the policy was not asked, or no route matched.
pub(super) fn considered(context: &RequestContext) -> Option<Words> {
    let (needs, output_tokens, looks) =
        context.trace(|trace| Some((trace.needs?, trace.expected_output_tokens, trace.looks.clone())))??;
    let snapshot = context.snapshot();
    let considered = snapshot.policy.consider(&request(context, needs)?).ok()?;
    // The canary may have been given up before, or since.
    let considered =
        if context.taken().and_then(|taken| taken.arm) == Some(Arm::Control) { considered.of_control() } else { considered };
    let thought = |target: &Target| {
        let deployment = snapshot.deployment(target)?;
        let Look { outlook, cached_tokens, back_in, .. } =
            looks.iter().find(|look| Arc::ptr_eq(&look.deployment, deployment))?.clone();
        Some(Thought { outlook, cached_tokens, back_in })
    };
    let name = |target: &Target| snapshot.policy.backends().get(target.backend.get()).map(|backend| backend.name.to_string());
    let mut candidates = candidates(&considered, needs, output_tokens, name, thought);
    // By this it was chosen, next to those that could be used beside it.
    let first = context.trace(|trace| {
        let first = trace.attempts.iter().find(|made| made.outgrown.is_none())?;
        Some((first.deployment.clone(), first.choice.score))
    });
    let first = first.flatten();
    if let Some((deployment, score)) = first
        && let Some(chosen) = candidates.iter_mut().find(|candidate| candidate.backend == deployment.backend_name())
    {
        chosen.score = Some(score.into());
    }
    let outgrown = considered.outgrown.iter().map(Outgrown::from).collect();
    let stays = considered.stays.as_ref().map(Stays::from);
    let (route, model) = (Some(considered.route.to_string()), Some(considered.model.to_string()));
    Some(Words { route, model, outgrown, stays, candidates })
}

/// The candidates that a policy considered, with what was thought of each.
pub(super) fn candidates(
    considered: &Considered<'_>,
    needs: Needs,
    output_tokens: f64,
    name: impl Fn(&Target) -> Option<String>,
    thought: impl Fn(&Target) -> Option<Thought>,
) -> Vec<Candidate> {
    let thoughts: Vec<Option<Thought>> = considered
        .candidates
        .iter()
        .map(|candidate| candidate.excluded.is_none().then(|| thought(candidate.target)).flatten())
        .collect();
    let scored: Vec<_> =
        thoughts.iter().enumerate().filter_map(|(place, thought)| Some(as_known(place, thought.as_ref()?))).collect();
    let scores: Vec<(usize, Score)> = select::scores(&scored).map(|(candidate, score)| (candidate.target, score)).collect();
    let word = |(place, candidate): (usize, &tradewind_policies::Considering<'_>)| {
        let target = candidate.target;
        let thought = thoughts.get(place).copied().flatten();
        let score = scores.iter().find(|(scored, _)| *scored == place).map(|(_, score)| (*score).into());
        let price = target.price.as_ref().filter(|_| thought.is_some());
        Some(Candidate {
            backend: name(target)?,
            model: Some(target.model.to_string()),
            tier: u32::try_from(considered.tier(target)).unwrap_or(u32::MAX),
            excluded: candidate.excluded.as_ref().map(excluded),
            removed: thought.and_then(|thought| {
                let reason = thought.outlook.removed?.into();
                Some(Removal { reason, back_in_s: thought.back_in.map(|back_in| back_in.as_secs_f64()) })
            }),
            score,
            expected: thought.map(|thought| Expected::of(&thought.outlook, thought.cached_tokens)),
            price_nano_usd: price.zip(thought).map(|(price, thought)| {
                let (prompt_tokens, cached_tokens) = (needs.length() as f64, thought.cached_tokens);
                predicted(price, Like { prompt_tokens, cached_tokens, output_tokens, answers: needs.answers() }).0
            }),
        })
    };
    considered.candidates.iter().enumerate().filter_map(word).collect()
}

/// What left a backend out.
pub(super) fn excluded(excluded: &tradewind_policies::Excluded) -> Excluded {
    let (stage, place) = (excluded.stage.to_string(), excluded.place.as_ref().map(ToString::to_string));
    Excluded { stage, why: excluded.why.clone(), place }
}

fn as_known(target: usize, thought: &Thought) -> select::Candidate<usize> {
    select::Candidate { target, tier: 0, outlook: thought.outlook }
}

/// The attempts so far.
pub(super) fn attempts(context: &RequestContext) -> Vec<Attempt> {
    let now = context.elapsed();
    context.trace(|trace| trace.attempts.iter().map(|made| attempt(made, now)).collect()).unwrap_or_default()
}

fn attempt(made: &Made, now: Duration) -> Attempt {
    let Made { deployment, outgrown, turn, continues, choice, begun, answered, ended, outcome } = made;
    let since = |moment: Duration| moment.saturating_sub(*begun).as_secs_f64();
    Attempt {
        backend: deployment.backend_name().to_owned(),
        outgrown: outgrown.as_ref().map(ToString::to_string),
        turn: *turn,
        continues: *continues,
        reason: choice.reason,
        probability: choice.probability,
        despite: choice.despite.map(Into::into),
        spilled: choice.spilled,
        predicted_s: choice.score.total(),
        begun_s: begun.as_secs_f64(),
        first_token_s: answered.map(since),
        total_s: since(ended.unwrap_or(now)),
        outcome: *outcome,
    }
}
