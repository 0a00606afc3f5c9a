//! The deployments that may serve a request, and which of them to try.

use std::{sync::Arc, time::Duration};

use futures_util::future::select_all;
use smallvec::SmallVec;
use tokio::time::{Instant, timeout_at};
use tradewind_policies::{
    BackendName, FailureDomain, Weights,
    decision::AttemptOutcome,
    select::{Aim, Ask, Candidate, Choice, Outlook, Removed, Turn, back_at, choose, hedge_after, is_overloaded},
    spec::{NanoUsd, Objective, Price, Routing, Timeouts},
};
use tradewind_protocol::Usage;

use super::{Deployment, Run};
use crate::{
    context::{Look, Made, RequestContext},
    error::{Error, Kind},
};

/// So many candidates are looked at without asking for memory.
const MOST_INLINE: usize = 24;
/// When to come back if nothing says when.
const SOON: Duration = Duration::from_secs(1);

/// A deployment that may serve the request.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Where.
    pub deployment: Arc<Deployment>,
    /// The limits of an attempt there.
    pub timeouts: Timeouts,
    /// What it fails together with.
    pub domain: FailureDomain,
    /// What it costs there.
    pub price: Option<Arc<Price>>,
    /// Which weights the model has there, if the policy says so.
    pub weights: Option<Weights>,
    pub(super) tier: usize,
    pub(super) is_drained: bool,
    pub(super) ask: Ask,
}

impl Planned {
    /// Whether it can be asked just now, without any risk that somebody has to be willing to take.
    #[must_use]
    pub fn is_well(&self) -> bool {
        !self.is_drained && self.deployment.outlook(&self.ask).removed.is_none()
    }

    /// Begins there, if it still is.
    #[must_use]
    pub fn begin(&self) -> Option<Run> {
        self.deployment.start(&self.ask, None).ok()
    }

    /// How many tokens the prompt has, about.
    #[must_use]
    pub fn prompt_tokens(&self) -> u64 {
        self.ask.prompt_tokens.max(0.0).round() as u64
    }
}

/// All that may serve one request, and which of them it has been to.
#[derive(Debug)]
pub struct Candidates {
    all: SmallVec<[Planned; 4]>,
    /// By the places in `all`.
    tried: SmallVec<[usize; 4]>,
    /// Whether they are to go on with an answer that broke off.
    continues: bool,
}

/// An attempt that may begin.
#[derive(Debug)]
pub struct Chosen {
    /// Where, and within which limits.
    pub planned: Planned,
    /// What to expect there.
    pub outlook: Outlook,
    /// Why it was chosen.
    pub choice: Choice<usize>,
    /// The attempt: it counts from now on.
    pub run: Run,
}

impl Candidates {
    pub(super) fn new(all: impl IntoIterator<Item = Planned>) -> Self {
        Self { all: all.into_iter().collect(), tried: SmallVec::new(), continues: false }
    }

    /// Chooses one that has not been tried, and begins. Another failure domain than those of the failed ones is preferred for a further attempt,
    /// and required for a second one beside a slow one.
    pub fn begin(&mut self, turn: Turn, context: &RequestContext) -> Option<Chosen> {
        // Between looking and beginning, another request may take the last place: then the next best is asked.
        for _ in 0..=self.all.len() {
            let elsewhere = self.look(true);
            if matches!(turn, Turn::First | Turn::Careful) {
                context.trace(|trace| trace.looks = self.as_seen(&elsewhere));
            }
            let (candidates, choice) = match choose(&elsewhere, turn, &mut rand::rng()) {
                Some(choice) => (elsewhere, choice),
                None if turn == Turn::Hedge => return None,
                None => {
                    let anywhere = self.look(false);
                    let choice = choose(&anywhere, turn, &mut rand::rng())?;
                    (anywhere, choice)
                }
            };
            let outlook = candidates.iter().find(|candidate| candidate.target == choice.target)?.outlook;
            let planned = self.all.get(choice.target)?.clone();
            if let Ok(run) = planned.deployment.start(&planned.ask, choice.despite) {
                self.tried.push(choice.target);
                if choice.spilled && matches!(turn, Turn::First | Turn::Careful) {
                    planned.deployment.metrics().spilled();
                }
                context.trace(|trace| trace.attempts.push(self.made(&planned, turn, choice, context.elapsed())));
                return Some(Chosen { planned, outlook, choice, run });
            }
        }
        None
    }

    /// After how long a request that began there is worth a second one elsewhere, if it is.
    #[must_use]
    pub fn hedge_after(&self, chosen: &Chosen) -> Option<Duration> {
        hedge_after(&chosen.outlook, chosen.planned.ask.prompt_tokens, &self.look(true))
    }

    /// Whether so many are in trouble that further requests make it worse.
    #[must_use]
    pub fn are_overloaded(&self) -> bool {
        is_overloaded(&self.look(true))
    }

    /// How long the best of those that were not tried is expected to take, from its beginning to its first token.
    #[must_use]
    pub fn fallback_first_token(&self) -> Option<Duration> {
        let usable = self.look(true).into_iter().filter(|candidate| candidate.outlook.removed.is_none());
        let seconds = usable.map(|candidate| candidate.outlook.first_token.seconds()).reduce(f64::min)?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// Those with no more room than `tokens`, or of unknown room, will refuse as the one before did: they need not be asked.
    pub fn skip_without_room(&mut self, tokens: u64) {
        let small = |planned: &Planned| planned.deployment.capabilities().context.is_none_or(|room| room <= tokens);
        let places = self.all.iter().enumerate().filter(|(_, planned)| small(planned)).map(|(place, _)| place);
        self.tried.extend(places.collect::<SmallVec<[usize; 4]>>());
    }

    /// Those of the untried that can go on with an answer that began on a model of these weights. The tried ones count as tried there too, so that
    /// other failure domains are preferred to theirs.
    #[must_use]
    pub fn able_to_continue(self, weights: &Weights) -> Self {
        let Self { all, tried: before, .. } = self;
        let (mut tried, mut able) = (SmallVec::new(), SmallVec::<[Planned; 4]>::new());
        for (place, planned) in all.into_iter().enumerate() {
            if before.contains(&place) {
                tried.push(able.len());
                able.push(planned);
            } else if planned.weights.as_ref() == Some(weights) && planned.deployment.capabilities().prefill.is_yes() {
                able.push(planned);
            }
        }
        Self { all: able, tried, continues: true }
    }

    /// What is wrong with a backend that may serve it, if anything is.
    pub(crate) fn removed(&self, backend: &BackendName) -> Option<Removed> {
        let planned = self.all.iter().find(|planned| planned.deployment.backend_name() == backend.as_str())?;
        planned.deployment.outlook(&planned.ask).removed
    }

    /// Whether all have been tried.
    #[must_use]
    pub fn are_exhausted(&self) -> bool {
        self.untried().next().is_none()
    }

    /// Waits for room, no longer than until that instant, if having none is what is wrong with some; whether there may be some now.
    pub async fn wait_for_room(&self, until: Instant) -> bool {
        let is_full = |planned: &&Planned| planned.deployment.outlook(&planned.ask).removed == Some(Removed::Full);
        let full: Vec<_> = self.untried().filter(is_full).map(|planned| Box::pin(planned.deployment.has_room())).collect();
        !full.is_empty() && timeout_at(until, select_all(full)).await.is_ok()
    }

    /// Why nothing can be tried, for the caller; `is_broken` where something was, and failed as expected: when the first of them comes back, and by which status whose limit it is.
    #[must_use]
    pub fn unavailable(&self, is_broken: bool) -> Error {
        let candidates: SmallVec<[Candidate<usize>; MOST_INLINE]> = self.all.iter().enumerate().map(as_known).collect();
        let back = back_at(&candidates).and_then(|moment| Some(self.all.first()?.deployment.until(moment)));
        let is_limit = |removed: &Removed| matches!(removed, Removed::CoolingDown { .. } | Removed::Paced { .. } | Removed::Full);
        let mut removed = candidates.iter().filter_map(|candidate| candidate.outlook.removed).peekable();
        let error = if !is_broken && removed.peek().is_some() && removed.all(|removed| is_limit(&removed)) {
            Error::new(Kind::RateLimited, "Every upstream for this model is rate limited.")
        } else {
            Error::new(Kind::NoHealthyUpstream, "No healthy upstream for this model.")
        };
        error.with_retry_after(back.unwrap_or(SOON))
    }

    /// What is known of those that were not tried; of those in other failure domains only, if asked.
    fn look(&self, elsewhere: bool) -> SmallVec<[Candidate<usize>; MOST_INLINE]> {
        let has_failed = |planned: &Planned| {
            self.tried.iter().filter_map(|place| self.all.get(*place)).any(|tried| tried.domain == planned.domain)
        };
        let places = self.all.iter().enumerate().filter(|(place, _)| !self.tried.contains(place));
        places.filter(|(_, planned)| !(elsewhere && has_failed(planned))).map(as_known).collect()
    }

    /// What is known of these, to be remembered.
    fn as_seen(&self, candidates: &[Candidate<usize>]) -> Vec<Look> {
        let look = |candidate: &Candidate<usize>| {
            let Planned { deployment, ask, .. } = self.all.get(candidate.target)?;
            let back_in = candidate.outlook.removed.and_then(Removed::until).map(|until| deployment.until(until));
            let (deployment, outlook) = (Arc::clone(deployment), candidate.outlook);
            Some(Look { deployment, outlook, cached_tokens: ask.cached_tokens, back_in })
        };
        candidates.iter().filter_map(look).collect()
    }

    /// An attempt that begins, to be remembered. Until more is heard of it, it was called off.
    fn made(&self, planned: &Planned, turn: Turn, choice: Choice<usize>, begun: Duration) -> Made {
        let deployment = Arc::clone(&planned.deployment);
        let outcome = AttemptOutcome::CalledOff;
        let (continues, outgrown) = (self.continues, None);
        Made { deployment, outgrown, turn, continues, choice, begun, answered: None, ended: None, outcome }
    }

    fn untried(&self) -> impl Iterator<Item = &Planned> {
        self.all.iter().enumerate().filter(|(place, _)| !self.tried.contains(place)).map(|(_, planned)| planned)
    }
}

/// What is known of a deployment.
fn as_known((target, planned): (usize, &Planned)) -> Candidate<usize> {
    let outlook = planned.deployment.outlook(&planned.ask);
    let outlook = if planned.is_drained { outlook.without(Removed::Drained) } else { outlook };
    Candidate { target, tier: planned.tier, outlook }
}

/// What a request is like, as one deployment sees it.
#[derive(Debug, Clone, Copy)]
pub struct Like {
    /// The tokens of its prompt.
    pub prompt_tokens: f64,
    /// Of these, those that the deployment may have in its cache.
    pub cached_tokens: f64,
    /// The tokens to expect in an answer.
    pub output_tokens: f64,
    /// How many answers are made. They are made at once, of one prompt.
    pub answers: u64,
}

/// What a request is predicted to cost by its tokens.
#[must_use]
pub fn predicted(price: &Price, like: Like) -> NanoUsd {
    let whole = |tokens: f64| tokens.max(0.0).round() as u64;
    let answered = whole(like.output_tokens * like.answers as f64);
    price.of(Usage { cached_tokens: whole(like.cached_tokens), ..Usage::new(whole(like.prompt_tokens), answered) })
}

/// A request as it is put to one deployment.
#[must_use]
pub fn ask(routing: &Routing, price: Option<&Price>, like: Like) -> Ask {
    let Like { prompt_tokens, cached_tokens, output_tokens, .. } = like;
    let counts = routing.seconds_per_dollar.is_some() || routing.objective == Objective::CheapestWithinSlo;
    let price = price.filter(|_| counts).map(|price| predicted(price, like));
    let cost = routing.seconds_per_dollar.zip(price).map_or(0.0, |(seconds, price)| seconds * price.dollars());
    let aim = Aim::of(routing, price);
    let output_tokens = match routing.objective {
        Objective::Completion | Objective::CheapestWithinSlo => output_tokens,
        Objective::FirstToken => 0.0,
    };
    Ask { prompt_tokens, cached_tokens: cached_tokens.min(prompt_tokens), output_tokens, cost, aim, forecast: None }
}
