//! What answers: one deployment of the model, and how it behaves when nothing special happens.

use super::event::Event;
use crate::simulate::arena::id;
use crate::simulate::law::Law;

id! {
    /// A backend of a scenario.
    pub BackendId
}

/// One deployment of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Backend {
    /// What to call it.
    pub name: String,
    /// What it fails together with: a region, a cloud.
    pub failure_domain: Option<String>,
    /// The time a request and the first byte of its answer spend on the network.
    pub round_trip: f64,
    /// From the request's admission to its first token.
    pub first_token: Phase,
    /// From one token to the next.
    pub per_token: Phase,
    /// How many requests are answered at a time; none if any number is.
    pub slots: Option<u32>,
    /// Where requests wait when all slots are taken.
    pub queue: Queue,
    /// Attempts that hang before their first token, as if forgotten.
    pub stall: Option<Stall>,
    /// Attempts that fail before their first token.
    pub failing: Failing,
    /// The share of answers that break off after their first token.
    pub breaks: f64,
    /// How much it takes in a time, if that is limited.
    pub limit: Option<Limit>,
    /// What it costs.
    pub price: Price,
    /// When it is added to the policy; before, nobody knows of it.
    pub joins: f64,
    /// When it is taken out of the policy; what it is answering then, it finishes.
    pub leaves: f64,
    /// How slow it is at first, if it is.
    pub cold_start: Option<ColdStart>,
    /// What happens to it, in the order of the file.
    pub events: Vec<Event>,
}

/// How long a part of an answer takes: a mean, times a noise drawn for each request, times the crowding.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// The mean on an idle backend.
    pub base: f64,
    /// What each thousand tokens of the prompt adds to the mean.
    pub per_1k_prompt_tokens: f64,
    /// The factor drawn for each request.
    pub noise: Law,
    /// How much slower a busy backend is.
    pub crowding: Crowding,
}

/// How much slower a busy backend is: a factor of 1 when idle, `at_full` when all slots are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crowding {
    /// The factor with all slots taken.
    pub at_full: f64,
    /// The power of the share of slots taken that the factor grows with: 1 for a straight line, more where a backend
    /// slows down only near its end.
    pub power: f64,
}

/// Where requests wait when all slots are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Queue {
    /// How many may wait; one more is refused.
    pub bound: u32,
    /// What the refusal says to wait, if it says.
    pub retry_after: Option<f64>,
    /// How long it takes to refuse, without the round trip.
    pub takes: f64,
}

/// Attempts that hang before their first token.
#[derive(Clone, Debug, PartialEq)]
pub struct Stall {
    /// The share of attempts that hang.
    pub share: f64,
    /// For how long.
    pub lasts: Law,
}

/// Attempts that fail before their first token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Failing {
    /// The share of attempts that fail.
    pub share: f64,
    /// How long it takes to fail, without the round trip.
    pub takes: f64,
}

/// A rate limit: token buckets that start full.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// Requests a second, and how many at once after a pause.
    pub requests: Option<Allowance>,
    /// Tokens a second, of prompts and answers together, and how many at once after a pause.
    pub tokens: Option<Allowance>,
    /// What the refusal says to wait, if it says.
    pub retry_after: Option<f64>,
    /// How long it takes to refuse, without the round trip.
    pub takes: f64,
    /// Whether answers say what is left of it, as OpenAI's and Azure's headers do.
    pub tells_remaining: bool,
}

/// What a token bucket lets through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allowance {
    /// In a second, for long.
    pub rate: f64,
    /// At once, after a pause.
    pub burst: f64,
}

/// Dollars for a million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Price {
    /// Of the prompt.
    pub input: f64,
    /// Of the answer.
    pub output: f64,
}

impl Price {
    /// The dollars for so many tokens.
    pub fn of(self, prompt: f64, output: f64) -> f64 {
        (self.input * prompt + self.output * output) / 1e6
    }
}

/// How slow a backend is at first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColdStart {
    /// Until it is as fast as ever, from when it joins.
    pub lasts: f64,
    /// The factor on both phases at the very start; it falls to 1 in a straight line.
    pub factor: f64,
}

impl Backend {
    /// Whether the policy names it at that time.
    pub fn is_member(&self, time: f64) -> bool {
        self.joins <= time && time < self.leaves
    }
}

impl Phase {
    /// The mean, with that prompt, when idle and undisturbed.
    pub fn mean(&self, prompt: u32) -> f64 {
        (self.base + self.per_1k_prompt_tokens * f64::from(prompt) / 1000.0) * self.noise.mean()
    }

    /// With that prompt and that noise, when idle and undisturbed.
    pub(in crate::simulate) fn drawn(&self, prompt: u32, noise: f64) -> f64 {
        (self.base + self.per_1k_prompt_tokens * f64::from(prompt) / 1000.0) * noise
    }
}

impl Crowding {
    /// The factor with `busy` requests under way in `slots` slots.
    pub fn factor(self, busy: u32, slots: Option<u32>) -> f64 {
        let Some(slots) = slots else { return 1.0 };
        let share = f64::from(busy) / f64::from(slots);
        1.0 + (self.at_full - 1.0) * share.powf(self.power)
    }
}
