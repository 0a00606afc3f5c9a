//! Layer 16: the attempts, one after the other, or a second beside a slow one, until one answers. After the first byte to the client,
//! only an answer that broke off may go on elsewhere.

mod answered;
mod attempt;
mod continuation;
mod meter;
mod respond;
mod shadow;
mod verdict;
mod waiting;

use std::{
    future::{pending, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use http::Response;
use tokio::time::{Instant, Sleep, sleep};
use tower::Service;
use tradewind_policies::{canary::Arm, select::Turn, spec::Routing};
use tradewind_protocol::Operation;

use self::{
    answered::Lesson,
    attempt::{Ended, attempt},
    continuation::{Means, Unbroken},
    respond::{respond_events, respond_whole, tell_dropped},
    shadow::Primary,
    verdict::Verdict,
};
use crate::{
    body::Body,
    error::{Error, Kind},
    inference::{Answer, Blame, Content, Failure, Inference},
    route::{Candidates, Chosen, Drawn, LiveCanary, Planned, RouteState, Routed, goes_on},
    shadow::Shadows,
};

/// The reason in the audit record where a backend's own refusal was passed on.
const REFUSED: &str = "refused_by_upstream";
/// How long a request waits for room where every deployment has as many as it may have.
const QUEUE: Duration = Duration::from_secs(2);
/// What a request says that has effects at the provider beyond its answer: it is not sent twice on purpose.
const STORED: &str = "store";

/// Makes the attempts.
#[derive(Debug, Clone)]
pub struct Dispatch {
    shadows: Shadows,
}

impl Dispatch {
    /// Sends copies by `shadows`.
    #[must_use]
    pub const fn new(shadows: Shadows) -> Self {
        Self { shadows }
    }
}

impl Service<Routed> for Dispatch {
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, routed: Routed) -> Self::Future {
        Box::pin(Dispatching::new(routed, self.shadows.clone()).run())
    }
}

/// A request on its way through the backends.
struct Dispatching {
    inference: Inference,
    candidates: Candidates,
    routing: Routing,
    state: Arc<RouteState>,
    lesson: Arc<Lesson>,
    /// The canary of the route, and the part of the sessions that this is of.
    canary: Option<(Arc<LiveCanary>, Arm)>,
    /// Attempts that were made one after the other; one that was made beside another does not count.
    made: u32,
    /// When a second attempt begins beside the one under way.
    hedge: Option<Pin<Box<Sleep>>>,
    is_hedged: bool,
    verdict: Verdict,
    /// A backend that was thought broken was tried for want of a better one, and is broken.
    is_desperate: bool,
    /// The room that was not enough, and the refusal that said so.
    too_long: Option<(Planned, Failure)>,
    /// The most room that was not enough.
    outgrown: Option<u64>,
    /// Whether there may be a larger model.
    leads_on: bool,
    shadows: Shadows,
    /// The copy that is to be sent once the first attempt is under way.
    drawn: Option<Drawn>,
    /// Compares this answer with that to the copy.
    primary: Option<Primary>,
}

type Running = FuturesUnordered<BoxFuture<'static, Ended>>;

/// What to do after an attempt has ended.
enum Next {
    Respond(Planned, Answer),
    Refuse(Planned, Failure),
    /// Try another; out of the budget for retries, or not.
    Again {
        out_of_budget: bool,
    },
}

impl Dispatching {
    fn new(routed: Routed, shadows: Shadows) -> Self {
        let Routed { inference, candidates, routing, state, tenant, prefix, canary, shadow, leads_on } = routed;
        let operation = inference.operation;
        let answers = inference.head().answers;
        let lesson = Arc::new(Lesson { state: Some(Arc::clone(&state)), tenant, prefix, operation, answers });
        Self {
            inference,
            candidates,
            routing,
            state,
            lesson,
            canary,
            made: 0,
            hedge: None,
            is_hedged: false,
            verdict: Verdict::default(),
            is_desperate: false,
            too_long: None,
            outgrown: None,
            leads_on,
            shadows,
            drawn: shadow,
            primary: None,
        }
    }

    async fn run(mut self) -> Result<Response<Body>, Error> {
        let mut running = Running::new();
        let mut turn = Turn::First;
        loop {
            if running.is_empty() {
                let Some(chosen) = self.begin(turn).await else { break };
                self.made += 1;
                self.arm_hedge(&chosen);
                running.push(self.attempt(chosen, false));
            }
            tokio::select! {
                biased;
                Some(ended) = running.next() => match self.judge(ended) {
                    Next::Respond(planned, answer) => return Ok(self.respond(planned, answer)),
                    Next::Refuse(planned, failure) => {
                        self.primary.into_iter().for_each(Primary::failed);
                        return refuse(&self.inference, &planned, failure);
                    }
                    Next::Again { out_of_budget } => {
                        turn = Turn::Again;
                        let may_go_on = self.made < self.routing.max_attempts.get();
                        if running.is_empty() && !(may_go_on && (!out_of_budget || self.state.take_retry())) {
                            break;
                        }
                    }
                },
                () = due(&mut self.hedge) => {
                    self.hedge = None;
                    if let Some(chosen) = self.begin_hedge() {
                        running.push(self.attempt(chosen, true));
                    }
                }
                () = ready(()), if self.drawn.is_some() => self.send_copy(),
            }
        }
        self.primary.into_iter().for_each(Primary::failed);
        if let Some(room) = self.outgrown.filter(|room| self.leads_on && goes_on(&self.inference, *room)) {
            self.inference.context.set_outgrown(room);
            return Err(Error::new(Kind::ContextLengthExceeded, "The prompt is too long for this model."));
        }
        match self.too_long {
            Some((planned, failure)) => refuse(&self.inference, &planned, failure),
            None => Err(self.verdict.into_error(|| self.candidates.unavailable(self.is_desperate))),
        }
    }

    /// Sends the copy of the request that was drawn, if one was.
    fn send_copy(&mut self) {
        if let Some(drawn) = self.drawn.take() {
            self.primary = shadow::send(&self.shadows, &self.inference, drawn, &self.lesson);
        }
    }

    fn respond(mut self, planned: Planned, answer: Answer) -> Response<Body> {
        // Where it has not been: the first look at the attempt brought its answer.
        self.send_copy();
        let primary = self.primary.take();
        let Answer { content, dropped, .. } = answer;
        let mut response = match content {
            Content::Whole(whole) => {
                primary.into_iter().for_each(|primary| primary.whole(&self.inference, &whole));
                respond_whole(&self.inference, whole)
            }
            Content::Events(events) => {
                let Self { inference, candidates, routing, state, lesson, made, .. } = self;
                let attempts_left = routing.max_attempts.get().saturating_sub(made);
                let means = Means { inference, candidates, state, lesson, attempts_left, planned };
                let events = Unbroken::wrap(events, routing.midstream, means);
                respond_events(match primary {
                    Some(primary) => primary.watch(events),
                    None => events,
                })
            }
        };
        tell_dropped(&mut response, &dropped);
        response
    }

    /// Chooses where to go next and begins there, as soon as there is room.
    async fn begin(&mut self, turn: Turn) -> Option<Chosen> {
        let patient_until = Instant::now() + QUEUE;
        loop {
            if let Some(chosen) = self.candidates.begin(turn, &self.inference.context) {
                return Some(chosen);
            }
            if !self.candidates.wait_for_room(patient_until).await {
                return None;
            }
        }
    }

    fn attempt(&self, mut chosen: Chosen, is_hedge: bool) -> BoxFuture<'static, Ended> {
        let patience = self.patience();
        if let Some((canary, arm)) = self.canary.as_ref().filter(|_| self.made == 1 && !is_hedge) {
            let watch = canary.watch(*arm, &chosen.planned.deployment, &self.candidates, &self.inference.context);
            chosen.run.watched_by(watch);
        }
        attempt(self.inference.clone(), chosen, Arc::clone(&self.lesson), patience, is_hedge).boxed()
    }

    /// How long a first token may take so that another backend could still be in time.
    fn patience(&self) -> Option<Duration> {
        let remaining = self.inference.context.remaining();
        let fallback = self.candidates.fallback_first_token()?;
        remaining.checked_sub(fallback).filter(|patience| *patience > fallback)
    }

    /// Sets the time at which a second attempt begins, where one may.
    fn arm_hedge(&mut self, chosen: &Chosen) {
        // A whole answer has no first token to wait for.
        let has_first_token = self.inference.head().stream || self.inference.operation == Operation::Embeddings;
        self.hedge = None;
        if self.is_hedged || self.routing.hedge_budget.is_none() || !has_first_token {
            return;
        }
        self.hedge = self.candidates.hedge_after(chosen).map(|after| Box::pin(sleep(after)));
    }

    /// Begins a second attempt beside a slow one, if that is worth it and within the budget.
    fn begin_hedge(&mut self) -> Option<Chosen> {
        self.is_hedged = true;
        let is_stored = self.inference.head().fields.may_hold(STORED);
        if is_stored || self.candidates.are_overloaded() || !self.state.take_hedge() {
            return None;
        }
        let chosen = self.candidates.begin(Turn::Hedge, &self.inference.context)?;
        self.inference.context.add_hedge();
        chosen.planned.deployment.metrics().hedged();
        Some(chosen)
    }

    fn judge(&mut self, ended: Ended) -> Next {
        let Ended { planned, is_hedge, was_desperate, outcome } = ended;
        let failure = match outcome {
            Ok(answer) => {
                if is_hedge {
                    planned.deployment.metrics().hedge_won();
                }
                return Next::Respond(planned, answer);
            }
            Err(failure) => failure,
        };
        match failure.blame {
            Blame::Invalid | Blame::Request => Next::Refuse(planned, failure),
            Blame::ContextLength => match planned.deployment.capabilities().context {
                Some(room) => {
                    self.outgrown = self.outgrown.max(Some(room));
                    self.candidates.skip_without_room(room);
                    self.too_long = Some((planned, failure));
                    Next::Again { out_of_budget: false }
                }
                None => Next::Refuse(planned, failure),
            },
            Blame::Unsuited => {
                if failure.error.kind() == Kind::ContextLengthExceeded {
                    self.outgrown = self.outgrown.max(planned.deployment.capabilities().context);
                }
                // It was not asked, so it does not count.
                self.made = self.made.saturating_sub(u32::from(!is_hedge));
                self.verdict.add(failure);
                Next::Again { out_of_budget: false }
            }
            // It was thought broken, and is: the caller is told that nobody is at home.
            Blame::Backend(_) if was_desperate => {
                self.is_desperate = true;
                Next::Again { out_of_budget: true }
            }
            Blame::Backend(_) | Blame::RateLimited(_) | Blame::Misconfigured => {
                self.verdict.add(failure);
                Next::Again { out_of_budget: true }
            }
        }
    }
}

async fn due(sleep: &mut Option<Pin<Box<Sleep>>>) {
    match sleep {
        Some(sleep) => sleep.as_mut().await,
        None => pending().await,
    }
}

/// Tells the caller what is wrong with the request: in the backend's own words, if those are in the caller's dialect.
fn refuse(inference: &Inference, planned: &Planned, failure: Failure) -> Result<Response<Body>, Error> {
    inference.context.set_served_by(Arc::clone(&planned.deployment));
    match failure.original {
        Some(original) => {
            inference.context.set_reason(REFUSED);
            Ok(respond_whole(inference, *original))
        }
        None => Err(failure.error),
    }
}
