//! The world in virtual time: requests come, attempts are made, servers answer.
//!
//! One run is a loop over an agenda. Nothing waits for a clock, and nothing is drawn here: chance has spoken in the
//! workload, and the balancers have their own numbers.

use smallvec::SmallVec;

use super::agenda::Agenda;
use super::arena::{Arena, Id};
use super::balancer::{AttemptId, Balancer, End, Question, Sent, Truth, Turn};
use super::random::single;
use super::record::Recorder;
use super::run::{Fate, Run};
use super::scenario::{Backend, BackendId, Change, Price, Reach, Scenario};
use super::server::Server;
use super::workload::{Drawn, RequestId, Workload};
use crate::decision::Decision;

/// A stream's pace is known after so many gaps between tokens, if a few more follow.
const PACED_AFTER: u32 = 16;
/// Streams of up to so many tokens are over about when their pace is known.
const SHORT: u32 = 20;
/// Up to so many attempts of a request nothing is allocated.
const INLINE: usize = 4;

/// What is going to happen.
#[derive(Clone, Copy, Debug)]
enum Tick {
    Arrives(RequestId),
    FirstToken(AttemptId),
    Paced(AttemptId),
    Completes(AttemptId),
    Fails(AttemptId, End),
    TimesOut(AttemptId),
    Hedges(RequestId),
    /// Conditions change on a backend.
    Turns(BackendId),
    Cuts(BackendId),
}

/// A world that is running.
pub(super) struct World<'w> {
    scenario: &'w Scenario,
    workload: &'w Workload,
    balancers: Vec<Box<dyn Balancer>>,
    servers: Arena<BackendId, Server>,
    requests: Arena<RequestId, Request>,
    attempts: Arena<AttemptId, Attempt>,
    agenda: Agenda<Tick>,
    now: f64,
    /// What is written down of the decisions, if anything is.
    recorder: Option<Recorder>,
}

#[derive(Debug)]
struct Request {
    gateway: usize,
    tried: SmallVec<[BackendId; INLINE]>,
    attempts: SmallVec<[AttemptId; INLINE]>,
    is_over: bool,
    fate: Fate,
}

#[derive(Debug)]
struct Attempt {
    sent: Sent,
    request: RequestId,
    turn: Turn,
    state: State,
    /// Seconds from one token to the next, once admitted.
    pace: f64,
    price: Price,
}

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It holds no place on the server: about to be refused, or lost on the way.
    Outside,
    Queued,
    Admitted,
    Streaming,
    Over,
}

impl<'w> World<'w> {
    pub(super) fn new(scenario: &'w Scenario, workload: &'w Workload, balancers: Vec<Box<dyn Balancer>>) -> Self {
        let gateways = balancers.len();
        let mut agenda = Agenda::default();
        for (backend, id) in scenario.backends.iter().zip(scenario.backends.ids()) {
            plan_events(backend, id, &mut agenda);
        }
        workload.requests.ids().for_each(|id| agenda.plan(workload.requests[id].at, Tick::Arrives(id)));
        Self {
            scenario,
            workload,
            balancers,
            servers: scenario.backends.map(|_| Server::default()),
            requests: workload.requests.map(|drawn| Request::new(drawn, gateways)),
            attempts: Arena::default(),
            agenda,
            now: 0.0,
            recorder: None,
        }
    }

    /// Runs until nothing more can happen.
    pub(super) fn run(mut self) -> Run {
        self.play();
        Run::new(self.fates())
    }

    /// The same, and tells of every decision. `policy` is what they say they were made by.
    pub(super) fn record(mut self, policy: &str) -> (Run, Vec<Decision>) {
        self.recorder = Some(Recorder::default());
        self.play();
        let (fates, recorder) = (self.fates(), self.recorder.take().unwrap_or_default());
        let decisions = recorder.decisions(self.scenario, &fates, &self.workload.requests, policy);
        (Run::new(fates), decisions)
    }

    fn play(&mut self) {
        while let Some((at, tick)) = self.agenda.next() {
            self.now = at;
            self.happen(tick);
        }
    }

    fn fates(&self) -> Vec<Fate> {
        self.requests.iter().map(|request| request.fate).collect()
    }

    fn happen(&mut self, tick: Tick) {
        match tick {
            Tick::Arrives(request) => self.dispatch(request, Turn::First),
            Tick::FirstToken(attempt) => self.first_token(attempt),
            Tick::Paced(attempt) => self.paced(attempt),
            Tick::Completes(attempt) => self.complete(attempt),
            Tick::Fails(attempt, end) => self.fail(attempt, end),
            Tick::TimesOut(attempt) => {
                if self.attempts[attempt].sent.first_token.is_none() {
                    self.fail(attempt, End::Failed);
                }
            }
            Tick::Hedges(request) => self.hedge(request),
            Tick::Turns(backend) => self.admit_waiting(backend),
            Tick::Cuts(backend) => self.cut(backend),
        }
    }

    // What gateways do.

    fn dispatch(&mut self, id: RequestId, turn: Turn) {
        let untried = self.members_without(&self.requests[id].tried);
        // Rather once more where it failed than nowhere.
        let candidates = if untried.is_empty() { self.members_without(&[]) } else { untried };
        if !self.send(id, turn, &candidates) {
            self.requests[id].is_over = true;
        }
    }

    fn hedge(&mut self, id: RequestId) {
        let request = &self.requests[id];
        let is_late = !request.is_over && request.fate.first_token.is_none();
        let is_under_way = request.attempts.iter().any(|attempt| self.attempts[*attempt].state != State::Over);
        if is_late && is_under_way && request.fate.hedges < self.scenario.policy.max_hedges {
            let untried = self.members_without(&request.tried);
            if self.send(id, Turn::Hedge, &untried) {
                self.requests[id].fate.hedges += 1;
            }
        }
    }

    fn members_without(&self, tried: &[BackendId]) -> SmallVec<[BackendId; 16]> {
        let is_candidate = |id: &BackendId| self.scenario.backends[*id].is_member(self.now) && !tried.contains(id);
        self.scenario.backends.ids().filter(is_candidate).collect()
    }

    /// Sends an attempt; false if there is nowhere to send it.
    fn send(&mut self, id: RequestId, turn: Turn, candidates: &[BackendId]) -> bool {
        let attempt = AttemptId::new(self.attempts.len());
        let Some(backend) = self.ask(id, turn, candidates, |balancer, question| balancer.send(attempt, question)) else {
            return false;
        };
        let sent = Sent { id: attempt, backend, at: self.now, first_token: None };
        self.note_sent(id, &sent, turn);
        let price = self.scenario.backends[backend].conditions(self.now).price;
        self.attempts.push(Attempt { sent, request: id, turn, state: State::Outside, pace: 0.0, price });
        let request = &mut self.requests[id];
        request.fate.backend.get_or_insert(backend);
        request.tried.push(backend);
        request.attempts.push(attempt);
        self.agenda.plan(self.now + self.scenario.first_token_timeout, Tick::TimesOut(attempt));
        self.receive(attempt);
        self.plan_hedge(id, &sent);
        true
    }

    /// Writes down why the attempt went there.
    fn note_sent(&mut self, id: RequestId, sent: &Sent, turn: Turn) {
        let Some(recorder) = &mut self.recorder else { return };
        let balancer = self.balancers.get(self.requests[id].gateway);
        if let Some(explained) = balancer.and_then(|balancer| balancer.explain()) {
            recorder.sent(id, sent, turn, explained, self.scenario);
        }
    }

    fn plan_hedge(&mut self, id: RequestId, sent: &Sent) {
        let request = &self.requests[id];
        if request.fate.hedges >= self.scenario.policy.max_hedges {
            return;
        }
        let untried = self.members_without(&request.tried);
        let after = self.ask(id, Turn::Hedge, &untried, |balancer, question| balancer.hedge_after(question, sent));
        if let Some(after) = after {
            self.agenda.plan(self.now + after, Tick::Hedges(id));
        }
    }

    /// Asks the request's balancer; nothing where there is no candidate.
    fn ask<T>(
        &mut self,
        id: RequestId,
        turn: Turn,
        candidates: &[BackendId],
        ask: impl FnOnce(&mut dyn Balancer, &Question<'_>) -> Option<T>,
    ) -> Option<T> {
        if candidates.is_empty() {
            return None;
        }
        let truth = Truth { servers: &self.servers, mean_output: self.workload.mean_output };
        let question = Question {
            now: self.now,
            turn,
            prompt: self.workload.requests[id].prompt,
            candidates,
            tried: &self.requests[id].tried,
            scenario: self.scenario,
            truth,
        };
        let balancer = self.balancers.get_mut(self.requests[id].gateway)?;
        ask(balancer.as_mut(), &question)
    }

    /// Tells the attempt's balancer.
    fn tell(&mut self, id: AttemptId, tell: impl FnOnce(&mut dyn Balancer, &Sent)) {
        let attempt = &self.attempts[id];
        if let Some(balancer) = self.balancers.get_mut(self.requests[attempt.request].gateway) {
            tell(balancer.as_mut(), &attempt.sent);
        }
    }

    // What servers do.

    /// A request has reached its backend, or has not.
    fn receive(&mut self, id: AttemptId) {
        let attempt = &self.attempts[id];
        let (backend, drawn) = (attempt.sent.backend, &self.workload.requests[attempt.request]);
        let described = &self.scenario.backends[backend];
        let conditions = described.conditions(self.now);
        let server = &mut self.servers[backend];
        let tokens = f64::from(drawn.prompt) + f64::from(drawn.output);
        let refusal = match conditions.reach {
            Reach::Silent => return,
            Reach::Refusing => Some((0.0, End::Failed)),
            Reach::Open if !server.limiter.take(self.now, conditions.limit, tokens) => {
                conditions.limit.map(|limit| (limit.takes, End::RateLimited { retry_after: limit.retry_after }))
            }
            Reach::Open if drawn.luck[backend].fails < conditions.failing.share => Some((conditions.failing.takes, End::Failed)),
            Reach::Open if server.has_slot(conditions.slots) => None,
            Reach::Open if server.waiting < described.queue.bound => {
                server.enqueue(id);
                self.attempts[id].state = State::Queued;
                return;
            }
            Reach::Open => Some((described.queue.takes, End::RateLimited { retry_after: described.queue.retry_after })),
        };
        match refusal {
            Some((takes, end)) => self.agenda.plan(self.now + described.round_trip + takes, Tick::Fails(id, end)),
            None => self.admit(id),
        }
    }

    fn admit(&mut self, id: AttemptId) {
        let attempt = &mut self.attempts[id];
        let (backend, drawn) = (attempt.sent.backend, &self.workload.requests[attempt.request]);
        let described = &self.scenario.backends[backend];
        let conditions = described.conditions(self.now);
        let luck = &drawn.luck[backend];
        self.servers[backend].busy += 1;
        let busy = self.servers[backend].busy;
        let (first_token, per_token) = (&described.first_token, &described.per_token);
        let stall = conditions.stall.filter(|stall| luck.stalls < stall.share);
        let stalled = stall.map_or(0.0, |stall| stall.lasts.draw(&mut single(luck.stall)));
        let first_token = first_token.drawn(drawn.prompt, luck.first_token)
            * conditions.first_token
            * first_token.crowding.factor(busy, conditions.slots);
        attempt.pace = per_token.drawn(drawn.prompt, luck.per_token)
            * conditions.per_token
            * per_token.crowding.factor(busy, conditions.slots);
        attempt.state = State::Admitted;
        self.agenda.plan(self.now + described.round_trip + first_token + stalled, Tick::FirstToken(id));
    }

    fn first_token(&mut self, id: AttemptId) {
        if self.attempts[id].state != State::Admitted {
            return;
        }
        self.tell_first_token(id);
        self.tell_remaining(id);
        self.cancel_rivals(id);
        let attempt = &self.attempts[id];
        let drawn = &self.workload.requests[attempt.request];
        let request = &mut self.requests[attempt.request];
        request.fate.first_token = Some(self.now - drawn.at);
        let gaps = f64::from(drawn.output.saturating_sub(1));
        let luck = &drawn.luck[attempt.sent.backend];
        let breaks = self.scenario.backends[attempt.sent.backend].conditions(self.now).breaks;
        if drawn.output > SHORT {
            self.agenda.plan(self.now + f64::from(PACED_AFTER) * attempt.pace, Tick::Paced(id));
        }
        if luck.breaks < breaks {
            self.agenda.plan(self.now + gaps * luck.breaks_after * attempt.pace, Tick::Fails(id, End::Failed));
        } else {
            self.agenda.plan(self.now + gaps * attempt.pace, Tick::Completes(id));
        }
    }

    fn tell_first_token(&mut self, id: AttemptId) {
        let now = self.now;
        // What the balancer is told is how things stood before.
        self.tell(id, |balancer, sent| balancer.first_token(now, sent));
        let attempt = &mut self.attempts[id];
        attempt.state = State::Streaming;
        attempt.sent.first_token = Some(now);
    }

    fn tell_remaining(&mut self, id: AttemptId) {
        let (now, backend) = (self.now, self.attempts[id].sent.backend);
        let limit = self.scenario.backends[backend].conditions(now).limit.filter(|limit| limit.tells_remaining);
        if let Some(limit) = limit {
            let left = self.servers[backend].limiter.remaining(now, limit);
            self.tell(id, |balancer, sent| balancer.remaining(now, sent, left));
        }
    }

    fn cancel_rivals(&mut self, winner: AttemptId) {
        let rivals = self.requests[self.attempts[winner].request].attempts.clone();
        for rival in rivals.into_iter().filter(|rival| *rival != winner) {
            if self.attempts[rival].state != State::Over {
                self.bill(rival, 0.0);
                self.end(rival, End::Cancelled);
            }
        }
    }

    fn paced(&mut self, id: AttemptId) {
        let (now, Attempt { state, pace, .. }) = (self.now, &self.attempts[id]);
        let pace = *pace;
        if *state == State::Streaming {
            self.tell(id, |balancer, sent| balancer.per_token(now, sent, pace));
        }
    }

    fn complete(&mut self, id: AttemptId) {
        let attempt = &self.attempts[id];
        if attempt.state != State::Streaming {
            return;
        }
        let (request, drawn) = (attempt.request, &self.workload.requests[attempt.request]);
        self.bill(id, f64::from(drawn.output));
        self.end(id, End::Completed { output: drawn.output });
        let request = &mut self.requests[request];
        request.fate.completed = Some(self.now - drawn.at);
        request.is_over = true;
    }

    fn fail(&mut self, id: AttemptId, end: End) {
        let Attempt { state, request, sent, pace, .. } = &self.attempts[id];
        if *state == State::Over {
            return;
        }
        let (request, first_token) = (*request, sent.first_token);
        let streamed = first_token.map_or(0.0, |since| (self.now - since) / pace.max(f64::MIN_POSITIVE));
        self.bill(id, streamed);
        self.end(id, end);
        let fate = &mut self.requests[request].fate;
        fate.failed_attempts += 1;
        fate.limited_attempts += usize::from(matches!(end, End::RateLimited { .. }));
        let attempts = &self.requests[request].attempts;
        if attempts.iter().any(|attempt| self.attempts[*attempt].state != State::Over) {
            return;
        }
        let tries = attempts.iter().filter(|attempt| self.attempts[**attempt].turn != Turn::Hedge).count();
        // The client has seen a part of the answer that broke off; another one cannot take its place.
        if first_token.is_none() && tries < self.scenario.attempts {
            self.dispatch(request, Turn::Again);
        } else {
            self.requests[request].is_over = true;
        }
    }

    /// Providers bill the prompt of what they have begun, and the tokens that they have sent.
    fn bill(&mut self, id: AttemptId, output: f64) {
        let Attempt { state, request, price, .. } = self.attempts[id];
        if matches!(state, State::Admitted | State::Streaming) {
            let prompt = f64::from(self.workload.requests[request].prompt);
            self.requests[request].fate.dollars += price.of(prompt, output);
        }
    }

    /// Takes an attempt off its server and tells its balancer.
    fn end(&mut self, id: AttemptId, end: End) {
        let now = self.now;
        let attempt = &mut self.attempts[id];
        let (backend, state) = (attempt.sent.backend, std::mem::replace(&mut attempt.state, State::Over));
        self.tell(id, |balancer, sent| balancer.ended(now, sent, end));
        if let Some(recorder) = &mut self.recorder {
            let Attempt { sent, pace, .. } = &self.attempts[id];
            recorder.ended(now, sent, *pace, end);
        }
        let server = &mut self.servers[backend];
        match state {
            State::Queued => server.waiting -= 1,
            State::Admitted | State::Streaming => {
                server.busy -= 1;
                self.admit_waiting(backend);
            }
            State::Outside | State::Over => {}
        }
    }

    fn admit_waiting(&mut self, backend: BackendId) {
        let slots = self.scenario.backends[backend].conditions(self.now).slots;
        while self.servers[backend].has_slot(slots) {
            let Some(next) = self.servers[backend].next() else { return };
            if self.attempts[next].state == State::Queued {
                self.servers[backend].waiting -= 1;
                self.admit(next);
            }
        }
    }

    fn cut(&mut self, backend: BackendId) {
        let is_struck = |id: &AttemptId| {
            let attempt = &self.attempts[*id];
            attempt.sent.backend == backend && matches!(attempt.state, State::Queued | State::Admitted | State::Streaming)
        };
        let struck: Vec<_> = self.attempts.ids().filter(is_struck).collect();
        struck.into_iter().for_each(|id| self.fail(id, End::Failed));
    }
}

fn plan_events(backend: &Backend, id: BackendId, agenda: &mut Agenda<Tick>) {
    for event in &backend.events {
        agenda.plan(event.from, Tick::Turns(id));
        if event.to.is_finite() {
            agenda.plan(event.to, Tick::Turns(id));
        }
        if event.changes.contains(&Change::Cut) {
            agenda.plan(event.from, Tick::Cuts(id));
        }
    }
}

impl Request {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small number")]
    fn new(drawn: &Drawn, gateways: usize) -> Self {
        let gateway = (drawn.gateway * gateways as f64) as usize;
        let fate = Fate { arrived: drawn.at, ..Fate::default() };
        Self { gateway, tried: SmallVec::new(), attempts: SmallVec::new(), is_over: false, fate }
    }
}
