//! How a backend is at one moment: what it always is, with all that happens to it just then.

use super::backend::{Backend, Failing, Limit, Price, Stall};
use super::event::{Change, Event, Slowdown};

/// How a backend is at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions<'s> {
    /// Whether it can be reached.
    pub reach: Reach,
    /// The factor on the time to the first token.
    pub first_token: f64,
    /// The factor on the time per token.
    pub per_token: f64,
    /// Attempts that fail.
    pub failing: Failing,
    /// Attempts that hang.
    pub stall: Option<&'s Stall>,
    /// The share of answers that break off.
    pub breaks: f64,
    /// Its rate limit.
    pub limit: Option<&'s Limit>,
    /// How many requests are answered at a time.
    pub slots: Option<u32>,
    /// What it costs.
    pub price: Price,
}

/// Whether a backend can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It can.
    Open,
    /// Connections are refused.
    Refusing,
    /// Nothing ever comes back.
    Silent,
}

impl Backend {
    /// How it is at that time. Slowdowns multiply; of everything else, the last event in the file counts.
    pub fn conditions(&self, time: f64) -> Conditions<'_> {
        let cold = self.cold_factor(time);
        let mut conditions = Conditions {
            reach: Reach::Open,
            first_token: cold,
            per_token: cold,
            failing: self.failing,
            stall: self.stall.as_ref(),
            breaks: self.breaks,
            limit: self.limit.as_ref(),
            slots: self.slots,
            price: self.price,
        };
        for event in self.events.iter().filter(|event| event.is_on(time)) {
            event.changes.iter().for_each(|change| conditions.apply(event, change, time));
        }
        conditions
    }

    fn cold_factor(&self, time: f64) -> f64 {
        let Some(cold) = self.cold_start else { return 1.0 };
        let left = 1.0 - (time - self.joins) / cold.lasts;
        1.0 + (cold.factor - 1.0) * left.clamp(0.0, 1.0)
    }
}

impl<'s> Conditions<'s> {
    fn apply(&mut self, event: &Event, change: &'s Change, time: f64) {
        match change {
            Change::Slow(Slowdown { first_token, per_token, ramp }) => {
                let strength = event.strength(*ramp, time);
                self.first_token *= 1.0 + (first_token - 1.0) * strength;
                self.per_token *= 1.0 + (per_token - 1.0) * strength;
            }
            Change::Fail(failing) => self.failing = *failing,
            Change::Stall(stall) => self.stall = Some(stall),
            Change::Break(share) => self.breaks = *share,
            Change::Down => self.reach = Reach::Refusing,
            Change::Blackhole => self.reach = Reach::Silent,
            // It strikes once, when the event begins; the world sees to it.
            Change::Cut => {}
            Change::Limit(limit) => self.limit = Some(limit),
            Change::Slots(slots) => self.slots = Some(*slots),
            Change::Price(price) => self.price = *price,
        }
    }
}
