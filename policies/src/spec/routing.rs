//! How a route chooses among its backends, and what it does when one fails.

use std::num::NonZeroU32;

use super::{Ceiling, Share, Slo, Spill};

/// How a route chooses among its backends, and what it does when one fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Routing {
    /// What is to be soon.
    pub objective: Objective,
    /// The seconds that a dollar has to buy to be worth spending; `None` if money does not count.
    pub seconds_per_dollar: Option<f64>,
    /// How many requests, of all, may be sent to a second backend because the first is slow; `None` if none may. Never zero.
    pub hedge_budget: Option<Share>,
    /// How many backends one request may be sent to, one after the other.
    pub max_attempts: MaxAttempts,
    /// How many further attempts, of all requests, may be made because others failed: when everything fails, trying again is what keeps it
    /// failing.
    pub retry_budget: Share,
    /// What becomes of an answer that breaks off.
    pub midstream: Midstream,
    /// What may be spent.
    pub ceiling: Ceiling,
    /// What nine requests in ten are to keep to, if that is said.
    pub slo: Option<Slo>,
    /// When a request goes to a later tier.
    pub spill: Spill,
}

impl Routing {
    /// The most that may be hedged: beyond it, the second requests are what makes the first ones slow.
    pub(crate) const MOST_HEDGED: Share = Share::percent(20);
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            objective: Objective::default(),
            seconds_per_dollar: None,
            // The slowest in twenty is where a second request pays.
            hedge_budget: Some(Share::percent(5)),
            max_attempts: MaxAttempts::default(),
            // What linkerd and Finagle grant.
            retry_budget: Share::percent(20),
            midstream: Midstream::default(),
            ceiling: Ceiling::default(),
            slo: None,
            spill: Spill::default(),
        }
    }
}

/// What is to be soon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// The end of the answer.
    #[default]
    Completion,
    /// Its beginning, for people who read along.
    FirstToken,
    /// Nothing beyond what nine requests in ten are to keep to: of the targets that are predicted to do so, the cheapest is chosen.
    CheapestWithinSlo,
}

/// What becomes of an answer that breaks off after its beginning has been passed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Midstream {
    /// It ends with an error.
    #[default]
    Error,
    /// Another backend with the same weights goes on with it, where that is possible.
    Continue,
}

/// How many backends one request may be sent to, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MaxAttempts(NonZeroU32);

impl MaxAttempts {
    /// The most a policy may ask for: beyond it, a failing request does more harm than good.
    pub(crate) const MOST: u32 = 10;

    /// `attempts`, if it is from 1 to 10.
    pub(crate) fn new(attempts: u32) -> Option<Self> {
        NonZeroU32::new(attempts).filter(|n| n.get() <= Self::MOST).map(Self)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl Default for MaxAttempts {
    /// The first try and two more: a third backend in trouble is no coincidence.
    fn default() -> Self {
        Self(NonZeroU32::MIN.saturating_add(2))
    }
}
