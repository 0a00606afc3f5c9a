//! What a gateway knows of a backend's load: its own attempts that are under way there.

use super::{Sent, each};
use crate::simulate::arena::Arena;
use crate::simulate::scenario::{BackendId, Scenario};

/// A gateway's own attempts that are under way.
#[derive(Debug)]
pub(super) struct Loads(Arena<BackendId, Load>);

/// Those on one backend.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    /// Up to the last token.
    pub(super) under_way: u32,
    /// Up to the first token.
    pub(super) waiting: u32,
}

impl Loads {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self(each(scenario, Load::default()))
    }

    pub(super) fn of(&self, backend: BackendId) -> Load {
        self.0[backend]
    }

    pub(super) fn sent(&mut self, backend: BackendId) {
        let load = &mut self.0[backend];
        load.under_way += 1;
        load.waiting += 1;
    }

    pub(super) fn first_token(&mut self, sent: &Sent) {
        self.0[sent.backend].waiting -= 1;
    }

    pub(super) fn ended(&mut self, sent: &Sent) {
        let load = &mut self.0[sent.backend];
        load.under_way -= 1;
        if sent.first_token.is_none() {
            load.waiting -= 1;
        }
    }
}
